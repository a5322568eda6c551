#include "deftnn/kernels/reduce/reduce.h"

#include "deftnn/kernels/select.h"

namespace deftnn {

#define DEFTNN_REDUCE(name) extern const ReduceKernel kReduce##name;
#include "deftnn/kernels/reduce/reduce.inc"
#undef DEFTNN_REDUCE

namespace {

const ReduceKernel* const kKernels[] = {
#define DEFTNN_REDUCE(name) &kReduce##name,
#include "deftnn/kernels/reduce/reduce.inc"
#undef DEFTNN_REDUCE
};

}  // namespace

const ReduceKernel& SelectReduce(Isa isa) { return HighestAtMost(kKernels, isa); }

void RunSum(const ReduceKernel& kernel, const SumArgs& args, ThreadPool& pool) {
  const int64_t strips = (args.inner + kSumStrip - 1) / kSumStrip;
  ForRange(pool, args.outer * strips, args.outer * args.count * args.inner * 4,
           [&](int64_t begin, int64_t end) { kernel.sum(args, begin, end); });
}

}  // namespace deftnn
