// Sums and means along one axis of a dense array.
#pragma once

#include <cstdint>

#include "deftnn/base/cpu.h"
#include "deftnn/base/threads.h"

namespace deftnn {

/// y[o, i] = (x[o, 0, i] + ... + x[o, count - 1, i]) / divisor, of x [outer x count x inner]
/// float32, row-major; y does not overlap it.
struct SumArgs {
  const float* x = nullptr;
  float* y = nullptr;
  int64_t outer = 0, count = 0, inner = 0;
  float divisor = 1;
};

/// Elements of `inner` that belong to one unit of work.
inline constexpr int64_t kSumStrip = 64;

/// One instruction set's implementation: units [begin, end) of outer x strips of `inner`.
struct ReduceKernel {
  Isa isa;
  int64_t target;
  void (*sum)(const SumArgs& args, int64_t begin, int64_t end);
};

const ReduceKernel& SelectReduce(Isa isa);

/// Sums in fp32, in blocks, so that the error stays within some 50 roundings of sum |x| for up to
/// a thousand elements. The order depends on the shape and the instruction set only.
void RunSum(const ReduceKernel& kernel, const SumArgs& args, ThreadPool& pool);

}  // namespace deftnn
