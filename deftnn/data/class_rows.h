// Where the classes of a network's output lie.
#pragma once

#include <cstdint>

#include "deftnn/base/status.h"
#include "deftnn/base/tensor.h"

namespace deftnn {

/// An output as samples x positions x classes; element (s, p, c) is at
/// (s * positions * classes) + p * position_stride + c * class_stride.
struct ClassRows {
  int64_t samples = 0;
  int64_t positions = 1;
  int64_t classes = 1;
  int64_t position_stride = 0;
  int64_t class_stride = 1;
};

/// N x C (trailing ones allowed): one position. N x T x C: the classes are last. N x C x H x W and
/// more: the classes are axis 1 and every pixel is a position. An error for lower ranks and empty
/// outputs.
Result<ClassRows> ClassRowsOf(const Shape& shape);

/// An error when the label of that sample is none of the classes.
Status CheckLabel(int64_t sample, int64_t label, const ClassRows& rows);

}  // namespace deftnn
