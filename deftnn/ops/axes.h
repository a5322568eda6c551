// Axes as ONNX names them: negative ones count from the end.
#pragma once

#include <cstdint>
#include <vector>

#include "deftnn/base/status.h"
#include "deftnn/base/tensor.h"

namespace deftnn {

/// `axis` in [-rank, rank) as an axis in [0, rank); an error outside.
inline Result<int> ResolveAxis(int64_t axis, size_t rank) {
  const int64_t limit = static_cast<int64_t>(rank);
  if (axis < -limit || axis >= limit) {
    return Error("axis {} is out of range for a tensor of rank {}", axis, rank);
  }
  return static_cast<int>(axis < 0 ? axis + limit : axis);
}

/// A tensor as outer x extent x inner around a run of axes.
struct AxisSplit {
  int64_t outer = 1, extent = 1, inner = 1;
};
/// Axes [first, behind) make the extent.
inline AxisSplit SplitAround(const Shape& shape, int first, int behind) {
  AxisSplit split;
  for (int a = 0; a < static_cast<int>(shape.size()); ++a) {
    (a < first ? split.outer : a < behind ? split.extent : split.inner) *= shape[a];
  }
  return split;
}

/// Each axis resolved, in the order given; an error where one is out of range or named twice.
inline Result<std::vector<int>> ResolveAxes(const std::vector<int64_t>& axes, size_t rank) {
  std::vector<int> resolved;
  std::vector<bool> seen(rank, false);
  for (const int64_t axis : axes) {
    DEFTNN_ASSIGN_OR_RETURN(const int one, ResolveAxis(axis, rank));
    if (seen[one]) return Error("axis {} is named twice", axis);
    seen[one] = true;
    resolved.push_back(one);
  }
  return resolved;
}

}  // namespace deftnn
