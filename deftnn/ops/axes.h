// Axes as ONNX names them: negative ones count from the end.
#pragma once

#include <cstdint>
#include <vector>

#include "deftnn/base/status.h"

namespace deftnn {

/// `axis` in [-rank, rank) as an axis in [0, rank); an error outside.
inline Result<int> ResolveAxis(int64_t axis, size_t rank) {
  const int64_t limit = static_cast<int64_t>(rank);
  if (axis < -limit || axis >= limit) {
    return Error("axis {} is out of range for a tensor of rank {}", axis, rank);
  }
  return static_cast<int>(axis < 0 ? axis + limit : axis);
}

}  // namespace deftnn
