// A decoded picture of 8-bit channels, and what is done to it before a network sees it.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "deftnn/base/status.h"

namespace deftnn {

struct Picture {
  int height = 0;
  int width = 0;
  int channels = 0;             // 1 (gray) or 3 (RGB)
  std::vector<uint8_t> pixels;  // height x width x channels
};

/// Decodes a JPEG or PNG; `channels` is 1 or 3 (colours are converted). Pictures above 2^27 pixels
/// are refused.
Result<Picture> DecodePicture(std::span<const std::byte> bytes, int channels);

/// Gray from RGB (ITU-R BT.601 luma), or gray repeated three times; the same picture when it fits.
Picture ToChannels(Picture picture, int channels);

/// Bilinear with antialiasing: a triangle filter as wide as the reduction (what PIL and torchvision
/// do), rounded to 8 bits. Sides are >= 1.
Picture Resize(const Picture& picture, int height, int width);

/// The middle `height` x `width` of a picture that is at least as large.
Picture CentreCrop(const Picture& picture, int height, int width);

}  // namespace deftnn
