// What is done to pictures and arrays before a network sees them, as a JSON file says it:
//   {"color": "RGB"|"gray", "resize": 256, "crop": 224, "channel_order": "RGB"|"BGR",
//    "layout": "NCHW"|"NHWC", "scale": 0.00392157, "mean": [..], "std": [..]}
// Every key may be left out. Applied in the order written above; at the end (x * scale - mean) /
// std.
#pragma once

#include <array>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "deftnn/base/status.h"
#include "deftnn/base/tensor.h"
#include "deftnn/data/picture.h"

namespace deftnn {

struct Preprocess {
  /// 1 or 3; absent: as the data has it (a folder of pictures: 3).
  std::optional<int> channels;
  /// {shorter side} keeps the aspect ratio, {height, width} does not; empty: no resizing.
  std::vector<int> resize;
  /// {side} or {height, width} of the centre crop; empty: none.
  std::vector<int> crop;
  bool bgr = false;
  bool nhwc = false;
  double scale = 1.0;
  /// One value for all channels or one a channel, in the order that the network takes; empty: 0 and
  /// 1.
  std::vector<double> mean, deviation;

  bool ChangesPixels() const { return channels || !resize.empty() || !crop.empty() || bgr; }
  bool Normalises() const { return scale != 1.0 || !mean.empty() || !deviation.empty(); }
};

/// Unknown keys, wrong types, a zero or negative std and sides below 1 are errors.
Result<Preprocess> ParsePreprocess(std::string_view json);
Result<Preprocess> ReadPreprocess(const std::string& path);

/// Colour, resize, crop and channel order; an error when the picture is smaller than the crop.
Result<Picture> PreparePicture(Picture picture, const Preprocess& preprocess);

/// One multiplication and addition a channel: x * multiply[c] + add[c].
struct ChannelAffine {
  std::vector<float> multiply, add;
};
/// (x * scale - mean) / std for `channels` channels; an error when mean or std has another count.
Result<ChannelAffine> AffineOf(const Preprocess& preprocess, int64_t channels);

}  // namespace deftnn
