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

}  // namespace deftnn
