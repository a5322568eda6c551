// Erf: y = erf(x), the Gauss error function.
#include <cmath>

#include "deftnn/ops/unary.h"

namespace deftnn {
namespace {

Status Evaluate(EvaluateContext& context) {
  return EvaluateUnaryFloat(context, [](auto x) { return std::erf(x); });
}

}  // namespace

extern const OpDef kErfOp;
constinit const OpDef kErfOp = {.name = "Erf",
                                .infer = &InferUnaryFloat,
                                .evaluate = &Evaluate,
                                .channels = &ChannelsPassThrough};

}  // namespace deftnn
