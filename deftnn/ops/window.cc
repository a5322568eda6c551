#include "deftnn/ops/window.h"

#include <algorithm>

namespace deftnn {
namespace {

constexpr int64_t kLargestExtent = int64_t{1} << 31;

Status CheckList(const std::vector<int64_t>& list, size_t wanted, int64_t least, const char* what) {
  if (list.size() != wanted) {
    return Error("{} has {} entries where {} are needed", what, list.size(), wanted);
  }
  for (int64_t value : list) {
    if (value < least || value > kLargestExtent)
      return Error("{} holds {}, out of range", what, value);
  }
  return {};
}

// Total padding that gives ceil(input / stride) outputs, as SAME_UPPER and SAME_LOWER want.
void PadSame(Window& window, const std::vector<int64_t>& input, bool upper) {
  for (int a = 0; a < window.axes(); ++a) {
    const int64_t reach = (window.kernel[a] - 1) * window.dilations[a] + 1;
    const int64_t output = (input[a] + window.strides[a] - 1) / window.strides[a];
    const int64_t total = std::max<int64_t>(0, (output - 1) * window.strides[a] + reach - input[a]);
    const int64_t small = total / 2;
    window.pads_begin[a] = upper ? small : total - small;
    window.pads_end[a] = upper ? total - small : small;
  }
}

}  // namespace

Result<Window> ResolveWindow(const Node& node, const std::vector<int64_t>& input,
                             std::vector<int64_t> kernel) {
  const size_t axes = input.size();
  Window window;
  window.kernel = kernel.empty() ? node.Ints("kernel_shape") : std::move(kernel);
  window.strides = node.Ints("strides", std::vector<int64_t>(axes, 1));
  window.dilations = node.Ints("dilations", std::vector<int64_t>(axes, 1));
  std::vector<int64_t> pads = node.Ints("pads", std::vector<int64_t>(2 * axes, 0));
  DEFTNN_RETURN_IF_ERROR(CheckList(window.kernel, axes, 1, "kernel_shape"));
  DEFTNN_RETURN_IF_ERROR(CheckList(window.strides, axes, 1, "strides"));
  DEFTNN_RETURN_IF_ERROR(CheckList(window.dilations, axes, 1, "dilations"));
  DEFTNN_RETURN_IF_ERROR(CheckList(pads, 2 * axes, 0, "pads"));
  window.pads_begin.assign(pads.begin(), pads.begin() + axes);
  window.pads_end.assign(pads.begin() + axes, pads.end());
  const std::string auto_pad = node.String("auto_pad", "NOTSET");
  if (auto_pad == "SAME_UPPER" || auto_pad == "SAME_LOWER") {
    PadSame(window, input, auto_pad == "SAME_UPPER");
  } else if (auto_pad == "VALID") {
    window.pads_begin.assign(axes, 0);
    window.pads_end.assign(axes, 0);
  } else if (auto_pad != "NOTSET" && !auto_pad.empty()) {
    return Error("auto_pad '{}' is unknown", auto_pad);
  }
  const bool ceil_mode = node.Int("ceil_mode", 0) != 0;
  for (size_t a = 0; a < axes; ++a) {
    const int64_t reach = (window.kernel[a] - 1) * window.dilations[a] + 1;
    const int64_t room = input[a] + window.pads_begin[a] + window.pads_end[a] - reach;
    if (room < 0) {
      return Error("a window of {} does not fit an input of {} with padding {}+{}", reach, input[a],
                   window.pads_begin[a], window.pads_end[a]);
    }
    int64_t output = room / window.strides[a] + 1;
    if (ceil_mode && room % window.strides[a] != 0 &&
        output * window.strides[a] < input[a] + window.pads_begin[a]) {
      ++output;  // a last window that starts inside the input or its left padding
    }
    window.output.push_back(output);
  }
  return window;
}

Plane MakePlane(const Window& window, const Shape& x) {
  const bool flat = window.axes() == 1;
  const auto first = [&](const std::vector<int64_t>& list, int64_t missing) {
    return flat ? missing : list[0];
  };
  return {.in_h = flat ? 1 : x[2],
          .in_w = x.back(),
          .out_h = first(window.output, 1),
          .out_w = window.output.back(),
          .kernel_h = first(window.kernel, 1),
          .kernel_w = window.kernel.back(),
          .stride_h = first(window.strides, 1),
          .stride_w = window.strides.back(),
          .dilation_h = first(window.dilations, 1),
          .dilation_w = window.dilations.back(),
          .pad_h = first(window.pads_begin, 0),
          .pad_w = window.pads_begin.back()};
}

}  // namespace deftnn
