// The sliding window that convolution and pooling share: sizes, strides, dilations and padding.
#pragma once

#include <vector>

#include "deftnn/base/status.h"
#include "deftnn/graph/graph.h"

namespace deftnn {

/// One entry per spatial axis (one or two, or more for pooling shapes that only infer).
struct Window {
  std::vector<int64_t> kernel, strides, dilations, pads_begin, pads_end;
  std::vector<int64_t> output;  // the output's spatial extents

  int axes() const { return static_cast<int>(kernel.size()); }
};

/// Reads kernel_shape, strides, dilations, pads, auto_pad and ceil_mode (ONNX Conv and pooling) for
/// an input of spatial extents `input`; `kernel` overrides kernel_shape when not empty. Errors:
/// negative or inconsistent lists, a window that is larger than its padded input.
Result<Window> ResolveWindow(const Node& node, const std::vector<int64_t>& input,
                             std::vector<int64_t> kernel = {});

/// A window of one or two spatial axes as one of two (a missing first axis has extent one); `x` is
/// the input's shape, N x C x spatial.
struct Plane {
  int64_t in_h, in_w, out_h, out_w, kernel_h, kernel_w, stride_h, stride_w, dilation_h, dilation_w,
      pad_h, pad_w;
};
Plane MakePlane(const Window& window, const Shape& x);

}  // namespace deftnn
