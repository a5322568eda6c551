// Sigmoid: y = 1 / (1 + exp(-x)).
#include <cmath>

#include "deftnn/ops/unary.h"

namespace deftnn {
namespace {

Status Evaluate(EvaluateContext& context) {
  return EvaluateUnaryFloat(context, [](auto x) { return 1 / (1 + std::exp(-x)); });
}

}  // namespace

extern const OpDef kSigmoidOp;
constinit const OpDef kSigmoidOp = {.name = "Sigmoid",
                                    .infer = &InferUnaryFloat,
                                    .evaluate = &Evaluate,
                                    .channels = &ChannelsPassThrough};

}  // namespace deftnn
