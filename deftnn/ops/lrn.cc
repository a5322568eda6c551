// LRN: y = x / (bias + alpha / size * sum of x^2 over `size` neighbouring channels) ^ beta
// (Krizhevsky, Sutskever and Hinton 2012).
#include "deftnn/ops/axes.h"
#include "deftnn/ops/unary.h"

namespace deftnn {
namespace {

Status Infer(InferContext& context) {
  if (context.node().Int("size", 0) < 1) {
    return Error("size must be at least 1, got {}", context.node().Int("size", 0));
  }
  if (context.shape(0).size() < 2) {
    return Error("expected N x C x ... inputs, got {}", ToString(context.shape(0)));
  }
  return InferUnaryFloat(context);
}

template <typename T>
void Normalize(EvaluateContext& context) {
  const Node& node = context.node();
  const double alpha = node.Float("alpha", 1e-4f), beta = node.Float("beta", 0.75f);
  const double bias = node.Float("bias", 1);
  const Tensor& x = context.input(0);
  const AxisSplit split = SplitAround(x.shape(), 1, 2);
  // A window wider than the channels sees them all; the divisor stays as stated.
  const int64_t size = node.Int("size", 1);
  const int64_t before = std::min((size - 1) / 2, split.extent);
  const int64_t after = std::min(size - 1 - (size - 1) / 2, split.extent);
  const auto in = x.values<T>();
  auto out = context.output(0).template mutable_values<T>();
  for (int64_t i = 0; i < x.size(); ++i) {
    const int64_t c = i / split.inner % split.extent;
    double sum = 0;
    for (int64_t other = std::max<int64_t>(0, c - before);
         other <= std::min(split.extent - 1, c + after); ++other) {
      const double value = in[i + (other - c) * split.inner];
      sum += value * value;
    }
    out[i] = static_cast<T>(in[i] / std::pow(bias + alpha / static_cast<double>(size) * sum, beta));
  }
}

Status Evaluate(EvaluateContext& context) {
  VisitFloat(context.input(0).type(), [&](auto sample) { Normalize<decltype(sample)>(context); });
  return {};
}

}  // namespace

extern const OpDef kLRNOp;
constinit const OpDef kLRNOp = {.name = "LRN", .infer = &Infer, .evaluate = &Evaluate};

}  // namespace deftnn
