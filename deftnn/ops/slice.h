// Slice: which range of each axis it keeps.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "deftnn/base/status.h"
#include "deftnn/base/tensor.h"

namespace deftnn {

/// Positions start, start + step, ... of an axis, `count` of them, all within it.
struct SliceRange {
  int64_t start = 0, step = 1, count = 0;
};

/// Inputs 1 to 4 of a Slice (starts, ends, axes, steps), null where there is none.
using SliceLists = std::array<const Tensor*, 4>;

/// One range for each axis of `shape`; an error where the lists do not fit it.
Result<std::vector<SliceRange>> ReadSlice(const Shape& shape, const SliceLists& lists);

}  // namespace deftnn
