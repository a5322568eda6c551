// HardSigmoid: y = min(max(alpha * x + beta, 0), 1).
#include <cmath>

#include "deftnn/ops/unary.h"

namespace deftnn {
namespace {

Status Evaluate(EvaluateContext& context) {
  const float alpha = context.node().Float("alpha", 0.2f),
              beta = context.node().Float("beta", 0.5f);
  return EvaluateUnaryFloat(context, [alpha, beta](auto x) {
    const auto line = alpha * x + beta;
    return line < 0 ? 0 : line > 1 ? 1 : line;  // NaN stays NaN
  });
}

}  // namespace

extern const OpDef kHardSigmoidOp;
constinit const OpDef kHardSigmoidOp = {.name = "HardSigmoid",
                                        .infer = &InferUnaryFloat,
                                        .evaluate = &Evaluate,
                                        .channels = &ChannelsPassThrough};

}  // namespace deftnn
