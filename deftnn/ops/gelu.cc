// Gelu: y = x * (1 + erf(x / sqrt 2)) / 2, or with `approximate` = "tanh" its approximation.
#include "deftnn/base/activation.h"
#include "deftnn/ops/unary.h"

namespace deftnn {
namespace {

Status Infer(InferContext& context) {
  const std::string approximate = context.node().String("approximate", "none");
  if (approximate != "none" && approximate != "tanh") {
    return Error("approximate '{}' is neither none nor tanh", approximate);
  }
  return InferUnaryFloat(context);
}

Status Evaluate(EvaluateContext& context) {
  const bool by_tanh = context.node().String("approximate", "none") == "tanh";
  return EvaluateUnaryFloat(context, [=](auto x) { return Gelu(static_cast<double>(x), by_tanh); });
}

}  // namespace

extern const OpDef kGeluOp;
constinit const OpDef kGeluOp = {.name = "Gelu",
                                 .first_opset = 20,
                                 .infer = &Infer,
                                 .evaluate = &Evaluate,
                                 .channels = &ChannelsPassThrough};

}  // namespace deftnn
