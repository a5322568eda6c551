#include "deftnn/kernels/pool/pool.h"

#include "deftnn/base/check.h"
#include "deftnn/kernels/select.h"

namespace deftnn {

#define DEFTNN_POOL(name) extern const PoolKernel kPool##name;
#include "deftnn/kernels/pool/pool.inc"
#undef DEFTNN_POOL

namespace {

const PoolKernel* const kKernels[] = {
#define DEFTNN_POOL(name) &kPool##name,
#include "deftnn/kernels/pool/pool.inc"
#undef DEFTNN_POOL
};

}  // namespace

const PoolKernel& SelectPool(Isa isa) { return HighestAtMost(kKernels, isa); }

void RunPool(const PoolKernel& kernel, const PoolArgs& args, ThreadPool& pool) {
  const Layout& in = args.input.layout;
  const Layout& out = args.output.layout;
  DEFTNN_CHECK(in.batch == out.batch && in.channels == out.channels);
  if (args.kind == PoolKind::kGlobalMax || args.kind == PoolKind::kGlobalAverage) {
    DEFTNN_CHECK(out.height == 1 && out.width == 1);
    ForRange(pool, in.batch, in.pixels() * in.channels * BytesOf(in.format),
             [&](int64_t begin, int64_t end) { kernel.global(args, begin, end); });
    return;
  }
  const int64_t taps = args.kernel_h * args.kernel_w;
  ForRange(pool, out.batch * out.height, out.pixels() * out.channels * taps * BytesOf(in.format),
           [&](int64_t begin, int64_t end) { kernel.window(args, begin, end); });
}

}  // namespace deftnn
