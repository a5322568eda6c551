// Softmax and log-softmax of rows.
#pragma once

#include <cstdint>

#include "deftnn/base/cpu.h"
#include "deftnn/base/threads.h"

namespace deftnn {

/// `rows` rows of `length` >= 1 contiguous floats, `stride` elements apart; y may be x itself (with
/// equal strides).
struct SoftmaxArgs {
  const float* x = nullptr;
  float* y = nullptr;
  int64_t rows = 0, length = 1;
  int64_t x_stride = 0, y_stride = 0;
  bool logarithm = false;  // log-softmax
};

/// One instruction set's implementation: rows [begin, end).
struct SoftmaxKernel {
  Isa isa;
  int64_t target;
  void (*run)(const SoftmaxArgs& args, int64_t begin, int64_t end);
};

const SoftmaxKernel& SelectSoftmax(Isa isa);

/// y = e^(x - m) / sum e^(x - m), or x - m - ln sum e^(x - m), m the row's largest element: no
/// overflow for any finite row. A NaN or +infinity in a row, or a row of nothing but -infinity,
/// makes the whole row NaN. Results do not depend on the number of threads.
void RunSoftmax(const SoftmaxKernel& kernel, const SoftmaxArgs& args, ThreadPool& pool);

}  // namespace deftnn
