// Dropout at inference: y = x; the mask, where it is asked for, is all true.
#include "deftnn/ops/unary.h"

namespace deftnn {
namespace {

// Before opset 12 the ratio is an attribute; at inference it has no say.
Status Normalise(NormaliseContext& context) {
  context.node().attributes.erase("ratio");
  return {};
}

Status Infer(InferContext& context) {
  if (context.has_input(2)) {
    const Tensor* training = context.constant(2);
    const bool off = training != nullptr && training->type() == ElementType::kBool &&
                     training->size() == 1 && !training->values<bool>()[0];
    if (!off) {
      return Error("Dropout is in training mode").WithHint("export the model for inference");
    }
  }
  context.SetOutput(1, ElementType::kBool, context.shape(0));
  return InferUnary(context);
}

Status Evaluate(EvaluateContext& context) {
  context.output(0) = context.input(0);
  if (context.has_output(1)) {
    for (bool& kept : context.output(1).mutable_values<bool>()) kept = true;
  }
  return {};
}

void Channels(ChannelContext& context) {
  ChannelsPassThrough(context);
  if (context.node().outputs.size() > 1) context.SetOutput(1, context.input(0));
}

}  // namespace

extern const OpDef kDropoutOp;
constinit const OpDef kDropoutOp = {.name = "Dropout",
                                    .max_inputs = 3,
                                    .max_outputs = 2,
                                    .normalise = &Normalise,
                                    .infer = &Infer,
                                    .evaluate = &Evaluate,
                                    .channels = &Channels};

}  // namespace deftnn
