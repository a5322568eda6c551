// PRelu: y = x < 0 ? slope * x : x; the slope is broadcast to x.
#include "deftnn/ops/binary.h"

namespace deftnn {
namespace {

Status Infer(InferContext& context) {
  DEFTNN_RETURN_IF_ERROR(CheckNumber(context, 0));
  DEFTNN_RETURN_IF_ERROR(CheckSameType(context, 1));
  if (!BroadcastsTo(context.shape(1), context.shape(0))) {
    return Error("a slope of shape {} can't be broadcast to {}", ToString(context.shape(1)),
                 ToString(context.shape(0)));
  }
  context.SetOutput(0, context.type(0), context.shape(0));
  return {};
}

Status Evaluate(EvaluateContext& context) {
  return EvaluateBinary(
      context, [](auto x, auto slope) { return x < decltype(x){0} ? WrappingMul(slope, x) : x; });
}

}  // namespace

extern const OpDef kPReluOp;
constinit const OpDef kPReluOp = {.name = "PRelu",
                                  .min_inputs = 2,
                                  .max_inputs = 2,
                                  .infer = &Infer,
                                  .evaluate = &Evaluate,
                                  .channels = &ChannelsElementwise};

}  // namespace deftnn
