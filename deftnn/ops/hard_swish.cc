// HardSwish: y = x * min(max(x / 6 + 1 / 2, 0), 1).
#include <cmath>

#include "deftnn/ops/unary.h"

namespace deftnn {
namespace {

Status Evaluate(EvaluateContext& context) {
  return EvaluateUnaryFloat(context, [](auto x) {
    using T = decltype(x);
    return x * std::min(std::max(x / T{6} + T{0.5}, T{0}), T{1});
  });
}

}  // namespace

extern const OpDef kHardSwishOp;
constinit const OpDef kHardSwishOp = {.name = "HardSwish",
                                      .infer = &InferUnaryFloat,
                                      .evaluate = &Evaluate,
                                      .channels = &ChannelsPassThrough};

}  // namespace deftnn
