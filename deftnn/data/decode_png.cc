// PNG through libpng's simplified interface, which converts every kind of PNG to 8 bits a channel.
#include "deftnn/data/decode_picture.h"

#include <png.h>

namespace deftnn {
namespace {

struct Image {
  png_image png{};
  Image() { png.version = PNG_IMAGE_VERSION; }
  Image(const Image&) = delete;
  Image& operator=(const Image&) = delete;
  ~Image() { png_image_free(&png); }
};

}  // namespace

Result<Picture> DecodePng(std::span<const std::byte> bytes) {
  Image image;
  const auto damaged = [&] { return Error("is a damaged PNG: {}", image.png.message); };
  if (png_image_begin_read_from_memory(&image.png, bytes.data(), bytes.size()) == 0) {
    return damaged();
  }
  DEFTNN_RETURN_IF_ERROR(CheckPictureSize(image.png.width, image.png.height));
  image.png.format = PNG_FORMAT_RGBA;  // RGB would be blended with a background
  const size_t pixels = static_cast<size_t>(image.png.width) * image.png.height;
  std::vector<uint8_t> rgba(pixels * 4);
  Picture picture{static_cast<int>(image.png.height), static_cast<int>(image.png.width), 3, {}};
  if (png_image_finish_read(&image.png, nullptr, rgba.data(), 0, nullptr) == 0) return damaged();
  picture.pixels.resize(pixels * 3);
  for (size_t i = 0; i < pixels; ++i) {
    for (size_t c = 0; c < 3; ++c) picture.pixels[3 * i + c] = rgba[4 * i + c];
  }
  return picture;
}

}  // namespace deftnn
