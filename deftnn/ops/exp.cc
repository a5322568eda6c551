// Exp: y = e^x.
#include <cmath>

#include "deftnn/ops/unary.h"

namespace deftnn {
namespace {

Status Evaluate(EvaluateContext& context) {
  return EvaluateUnaryFloat(context, [](auto x) { return std::exp(x); });
}

}  // namespace

extern const OpDef kExpOp;
constinit const OpDef kExpOp = {.name = "Exp",
                                .infer = &InferUnaryFloat,
                                .evaluate = &Evaluate,
                                .channels = &ChannelsPassThrough};

}  // namespace deftnn
