// The decoders behind DecodePicture, one for each format.
#pragma once

#include <cstdint>
#include <span>

#include "deftnn/base/status.h"
#include "deftnn/data/picture.h"

namespace deftnn {

/// Both give RGB. Damaged and truncated files are errors.
Result<Picture> DecodeJpeg(std::span<const std::byte> bytes);
/// Transparency is dropped.
Result<Picture> DecodePng(std::span<const std::byte> bytes);

/// Refuses pictures without pixels or with more than 2^27 before memory is spent on them.
Status CheckPictureSize(uint64_t width, uint64_t height);

}  // namespace deftnn
