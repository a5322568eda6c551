#include "deftnn/data/decode_picture.h"

#include <algorithm>
#include <array>

namespace deftnn {
namespace {

bool StartsWith(std::span<const std::byte> bytes, std::span<const uint8_t> magic) {
  return bytes.size() >= magic.size() &&
         std::equal(magic.begin(), magic.end(), bytes.begin(),
                    [](uint8_t a, std::byte b) { return std::byte{a} == b; });
}

}  // namespace

Status CheckPictureSize(uint64_t width, uint64_t height) {
  constexpr uint64_t kMostSide = 1 << 16, kMostPixels = 1 << 27;
  if (width == 0 || height == 0) return Error("is a picture without pixels");
  if (width > kMostSide || height > kMostSide || width * height > kMostPixels) {
    return Error("says that it is {} x {} pixels, which is too large", width, height);
  }
  return {};
}

Result<Picture> DecodePicture(std::span<const std::byte> bytes, int channels) {
  constexpr std::array<uint8_t, 3> kJpeg = {0xff, 0xd8, 0xff};
  constexpr std::array<uint8_t, 8> kPng = {0x89, 'P', 'N', 'G', '\r', '\n', 0x1a, '\n'};
  if (StartsWith(bytes, kJpeg)) {
    DEFTNN_ASSIGN_OR_RETURN(Picture picture, DecodeJpeg(bytes));
    return ToChannels(std::move(picture), channels);
  }
  if (StartsWith(bytes, kPng)) {
    DEFTNN_ASSIGN_OR_RETURN(Picture picture, DecodePng(bytes));
    return ToChannels(std::move(picture), channels);
  }
  return Error("is neither a JPEG nor a PNG");
}

}  // namespace deftnn
