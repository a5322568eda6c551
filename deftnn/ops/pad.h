// Pad: how much it adds to each axis.
#pragma once

#include <cstdint>
#include <vector>

#include "deftnn/base/status.h"
#include "deftnn/base/tensor.h"

namespace deftnn {

/// Elements before and behind each axis of the data; negative where they are taken away.
struct Pads {
  std::vector<int64_t> begin, end;
};

/// `pads` and `axes` are inputs 1 and 3 of a Pad; without axes (null) the pads are those of all
/// `rank` axes.
Result<Pads> ReadPads(size_t rank, const Tensor& pads, const Tensor* axes);

}  // namespace deftnn
