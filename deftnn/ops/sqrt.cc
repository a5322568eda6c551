// Sqrt: y = square root of x; NaN below zero.
#include <cmath>

#include "deftnn/ops/unary.h"

namespace deftnn {
namespace {

Status Evaluate(EvaluateContext& context) {
  return EvaluateUnaryFloat(context, [](auto x) { return std::sqrt(x); });
}

}  // namespace

extern const OpDef kSqrtOp;
constinit const OpDef kSqrtOp = {.name = "Sqrt",
                                 .infer = &InferUnaryFloat,
                                 .evaluate = &Evaluate,
                                 .channels = &ChannelsPassThrough};

}  // namespace deftnn
