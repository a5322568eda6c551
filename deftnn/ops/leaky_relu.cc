// LeakyRelu: y = x < 0 ? alpha * x : x.
#include <cmath>

#include "deftnn/ops/unary.h"

namespace deftnn {
namespace {

Status Evaluate(EvaluateContext& context) {
  const float alpha = context.node().Float("alpha", 0.01f);
  return EvaluateUnaryFloat(context, [alpha](auto x) { return x < 0 ? alpha * x : x; });
}

}  // namespace

extern const OpDef kLeakyReluOp;
constinit const OpDef kLeakyReluOp = {.name = "LeakyRelu",
                                      .infer = &InferUnaryFloat,
                                      .evaluate = &Evaluate,
                                      .channels = &ChannelsPassThrough};

}  // namespace deftnn
