#include "deftnn/kernels/eltwise/eltwise.h"

#include "deftnn/base/check.h"
#include "deftnn/kernels/select.h"

namespace deftnn {

#define DEFTNN_ELTWISE(name) extern const EltwiseKernel kEltwise##name;
#include "deftnn/kernels/eltwise/eltwise.inc"
#undef DEFTNN_ELTWISE

namespace {

const EltwiseKernel* const kKernels[] = {
#define DEFTNN_ELTWISE(name) &kEltwise##name,
#include "deftnn/kernels/eltwise/eltwise.inc"
#undef DEFTNN_ELTWISE
};

bool SameExtents(const Layout& a, const Layout& b) {
  return a.batch == b.batch && a.height == b.height && a.width == b.width &&
         a.channels == b.channels;
}

int64_t BytesOf(const Layout& layout) {
  return layout.pixels() * layout.channels * BytesOf(layout.format);
}

/// Functions made of exponentials cost as much as moving some tens of bytes.
int64_t WeightOf(const ActivationSpec& activation) {
  const Activation kind = activation.kind;
  const bool exponential = kind == Activation::kSigmoid || kind == Activation::kTanh ||
                           kind == Activation::kGelu || kind == Activation::kGeluTanh;
  return exponential ? 4 : 1;
}

}  // namespace

const EltwiseKernel& SelectEltwise(Isa isa) { return HighestAtMost(kKernels, isa); }

void RunActivate(const EltwiseKernel& kernel, const ActivateArgs& args, ThreadPool& pool) {
  const Layout& in = args.input.layout;
  DEFTNN_CHECK(SameExtents(in, args.output.layout));
  const int64_t work = (BytesOf(in) + BytesOf(args.output.layout)) * WeightOf(args.activation);
  ForRange(pool, in.batch * in.height, work,
           [&](int64_t begin, int64_t end) { kernel.activate(args, begin, end); });
}

void RunBinary(const EltwiseKernel& kernel, const BinaryArgs& args, ThreadPool& pool) {
  const Layout& a = args.a.layout;
  DEFTNN_CHECK(SameExtents(a, args.output.layout));
  DEFTNN_CHECK(args.vector != nullptr || SameExtents(a, args.b.layout));
  const int64_t second = args.vector != nullptr ? 0 : BytesOf(args.b.layout);
  const int64_t work =
      (BytesOf(a) + second + BytesOf(args.output.layout)) * WeightOf(args.activation);
  ForRange(pool, a.batch * a.height, work,
           [&](int64_t begin, int64_t end) { kernel.binary(args, begin, end); });
}

void RunBroadcast(const EltwiseKernel& kernel, const BroadcastArgs& args, ThreadPool& pool) {
  DEFTNN_CHECK(args.columns == 1 || !args.a_one || !args.b_one);
  const int64_t bytes = BytesOf(args.format) + (args.a_one ? 0 : 4) + (args.b_one ? 0 : 4);
  ForRange(pool, args.rows * args.columns, args.rows * args.columns * bytes,
           [&](int64_t begin, int64_t end) { kernel.broadcast(args, begin, end); });
}

void RunFlatActivate(const EltwiseKernel& kernel, const ActivationSpec& activation, const float* x,
                     float* y, int64_t count, ThreadPool& pool) {
  ForRange(pool, count, 8 * count * WeightOf(activation), [&](int64_t begin, int64_t end) {
    kernel.flat_activate(activation, x + begin, y + begin, end - begin);
  });
}

void RunFlatBinary(const EltwiseKernel& kernel, BinaryOp op, const float* a, const float* b,
                   float* y, int64_t count, ThreadPool& pool) {
  ForRange(pool, count, 12 * count, [&](int64_t begin, int64_t end) {
    kernel.flat_binary(op, a + begin, b + begin, y + begin, end - begin);
  });
}

void RunFlatScalar(const EltwiseKernel& kernel, BinaryOp op, const float* a, float b, float* y,
                   int64_t count, ThreadPool& pool) {
  ForRange(pool, count, 8 * count, [&](int64_t begin, int64_t end) {
    kernel.flat_scalar(op, a + begin, b, y + begin, end - begin);
  });
}

void RunFlatUnary(const EltwiseKernel& kernel, UnaryFunction function, const float* x, float* y,
                  int64_t count, ThreadPool& pool) {
  ForRange(pool, count, 32 * count, [&](int64_t begin, int64_t end) {
    kernel.flat_unary(function, x + begin, y + begin, end - begin);
  });
}

}  // namespace deftnn
