// JPEG through libjpeg-turbo. stb_image 2.27, which Debian 12 has, writes and reads outside its
// Huffman tables on damaged files; libjpeg-turbo is hardened against them.
#include <cstdio>
// jpeglib.h needs stdio.h before it.
#include <jerror.h>
#include <jpeglib.h>

#include <array>
#include <csetjmp>
#include <limits>
#include <memory>
#include <string>

#include "deftnn/data/decode_picture.h"

namespace deftnn {
namespace {

/// libjpeg reports errors by a call that must not return: it jumps back to where the library was
/// entered. Functions that set the jump hold no objects with destructors.
struct Decoder {
  jpeg_decompress_struct info{};
  jpeg_error_mgr errors{};
  jpeg_progress_mgr progress{};
  std::jmp_buf escape{};
  std::array<char, JMSG_LENGTH_MAX> message{};

  Decoder() = default;
  Decoder(const Decoder&) = delete;
  Decoder& operator=(const Decoder&) = delete;
  ~Decoder() { jpeg_destroy_decompress(&info); }
};

[[noreturn]] void Fail(j_common_ptr info) {
  auto* decoder = static_cast<Decoder*>(info->client_data);
  info->err->format_message(info, decoder->message.data());
  std::longjmp(decoder->escape, 1);  // NOLINT: the only way out of libjpeg
}

/// libjpeg fills what is missing with gray and warns; a picture that ends early is an error here.
void OnMessage(j_common_ptr info, int level) {
  if (level >= 0) return;
  const int code = info->err->msg_code;
  if (code == JWRN_JPEG_EOF || code == JWRN_HIT_MARKER || code == JWRN_HUFF_BAD_CODE ||
      code == JWRN_MUST_RESYNC) {
    Fail(info);
  }
}

/// A progressive file may hold any number of scans, each as slow as a picture.
void LimitScans(j_common_ptr info) {
  constexpr int kMostScans = 200;
  if (reinterpret_cast<j_decompress_ptr>(info)->input_scan_number > kMostScans) {
    info->err->msg_code = JERR_BAD_PROGRESSION;
    Fail(info);
  }
}

bool ReadHeader(Decoder& d, const unsigned char* data, unsigned long size) {
  d.info.err = jpeg_std_error(&d.errors);
  d.errors.error_exit = Fail;
  d.errors.emit_message = OnMessage;
  d.info.client_data = &d;
  if (setjmp(d.escape) != 0) return false;  // NOLINT
  jpeg_create_decompress(&d.info);
  d.progress.progress_monitor = LimitScans;
  d.info.progress = &d.progress;
  jpeg_mem_src(&d.info, data, size);
  jpeg_read_header(&d.info, TRUE);
  const bool inked = d.info.jpeg_color_space == JCS_CMYK || d.info.jpeg_color_space == JCS_YCCK;
  d.info.out_color_space = inked ? JCS_CMYK : JCS_RGB;
  d.info.dct_method = JDCT_ISLOW;
  return true;
}

/// `pixels` has room for every row of d.info.output_components channels.
bool ReadRows(Decoder& d, unsigned char* pixels) {
  if (setjmp(d.escape) != 0) return false;  // NOLINT
  jpeg_start_decompress(&d.info);
  const size_t row_bytes =
      static_cast<size_t>(d.info.output_width) * static_cast<size_t>(d.info.output_components);
  while (d.info.output_scanline < d.info.output_height) {
    JSAMPROW row = pixels + d.info.output_scanline * row_bytes;
    jpeg_read_scanlines(&d.info, &row, 1);
  }
  jpeg_finish_decompress(&d.info);
  return true;
}

std::vector<uint8_t> InkToRgb(const std::vector<uint8_t>& cmyk, bool inverted) {
  std::vector<uint8_t> rgb;
  rgb.reserve(cmyk.size() / 4 * 3);
  for (size_t i = 0; i + 3 < cmyk.size(); i += 4) {
    const int black = inverted ? cmyk[i + 3] : 255 - cmyk[i + 3];
    for (size_t c = 0; c < 3; ++c) {
      const int ink = inverted ? cmyk[i + c] : 255 - cmyk[i + c];
      rgb.push_back(static_cast<uint8_t>((ink * black + 127) / 255));
    }
  }
  return rgb;
}

}  // namespace

Result<Picture> DecodeJpeg(std::span<const std::byte> bytes) {
  const auto decoder = std::make_unique<Decoder>();
  const auto damaged = [&] { return Error("is a damaged JPEG: {}", decoder->message.data()); };
  if (!ReadHeader(*decoder, reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size())) {
    return damaged();
  }
  const jpeg_decompress_struct& info = decoder->info;
  DEFTNN_RETURN_IF_ERROR(CheckPictureSize(info.image_width, info.image_height));
  const bool inked = info.out_color_space == JCS_CMYK;
  Picture picture{static_cast<int>(info.image_height), static_cast<int>(info.image_width), 3, {}};
  picture.pixels.resize(static_cast<size_t>(info.image_height) * info.image_width *
                        (inked ? 4 : 3));
  if (!ReadRows(*decoder, picture.pixels.data())) return damaged();
  if (inked) picture.pixels = InkToRgb(picture.pixels, info.saw_Adobe_marker != 0);
  return picture;
}

}  // namespace deftnn
