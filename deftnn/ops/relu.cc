// Relu: y = max(x, 0).
#include "deftnn/base/activation.h"
#include "deftnn/ops/unary.h"

namespace deftnn {
namespace {

Status Evaluate(EvaluateContext& context) {
  return EvaluateUnary(context, [](auto x) { return x < 0 ? decltype(x){0} : x; });
}

}  // namespace

extern const OpDef kReluOp;
constinit const OpDef kReluOp = {.name = "Relu",
                                 .infer = &InferUnaryNumber,
                                 .evaluate = &Evaluate,
                                 .channels = &ChannelsPassThrough};

}  // namespace deftnn
