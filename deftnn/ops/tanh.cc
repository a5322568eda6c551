// Tanh: y = tanh(x).
#include <cmath>

#include "deftnn/ops/unary.h"

namespace deftnn {
namespace {

Status Evaluate(EvaluateContext& context) {
  return EvaluateUnaryFloat(context, [](auto x) { return std::tanh(x); });
}

}  // namespace

extern const OpDef kTanhOp;
constinit const OpDef kTanhOp = {.name = "Tanh",
                                 .infer = &InferUnaryFloat,
                                 .evaluate = &Evaluate,
                                 .channels = &ChannelsPassThrough};

}  // namespace deftnn
