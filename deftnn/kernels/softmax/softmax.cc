#include "deftnn/kernels/softmax/softmax.h"

#include "deftnn/base/check.h"
#include "deftnn/kernels/select.h"

namespace deftnn {

#define DEFTNN_SOFTMAX(name) extern const SoftmaxKernel kSoftmax##name;
#include "deftnn/kernels/softmax/softmax.inc"
#undef DEFTNN_SOFTMAX

namespace {

const SoftmaxKernel* const kKernels[] = {
#define DEFTNN_SOFTMAX(name) &kSoftmax##name,
#include "deftnn/kernels/softmax/softmax.inc"
#undef DEFTNN_SOFTMAX
};

constexpr int64_t kWorkPerElement = 32;  // three passes and an exponential, in bytes moved

}  // namespace

const SoftmaxKernel& SelectSoftmax(Isa isa) { return HighestAtMost(kKernels, isa); }

void RunSoftmax(const SoftmaxKernel& kernel, const SoftmaxArgs& args, ThreadPool& pool) {
  DEFTNN_CHECK(args.length >= 1);
  ForRange(pool, args.rows, args.rows * args.length * kWorkPerElement,
           [&](int64_t begin, int64_t end) { kernel.run(args, begin, end); });
}

}  // namespace deftnn
