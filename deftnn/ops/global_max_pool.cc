// GlobalMaxPool: the largest value of each plane (NaN wins).
#include "deftnn/ops/numeric.h"
#include "deftnn/ops/pool.h"

namespace deftnn {
namespace {

Status Evaluate(EvaluateContext& context) {
  const Tensor& x = context.input(0);
  const int64_t planes = context.output(0).size();
  if (planes == 0) return {};
  const int64_t plane = x.size() / planes;
  VisitFloat(x.type(), [&](auto sample) {
    using T = decltype(sample);
    const auto in = x.values<T>();
    auto out = context.output(0).mutable_values<T>();
    for (int64_t p = 0; p < planes; ++p) {
      T best = -std::numeric_limits<T>::infinity();
      for (int64_t i = 0; i < plane; ++i) {
        const T value = in[p * plane + i];
        if (value > best || value != value) best = value;
      }
      out[p] = best;
    }
  });
  return {};
}

void Channels(ChannelContext& context) {
  if (context.input(0).axis > 1) return context.End();
  ChannelsPassThrough(context);
}

}  // namespace

extern const OpDef kGlobalMaxPoolOp;
constinit const OpDef kGlobalMaxPoolOp = {.name = "GlobalMaxPool",
                                          .infer = &InferGlobalPool,
                                          .evaluate = &Evaluate,
                                          .channels = &Channels};

}  // namespace deftnn
