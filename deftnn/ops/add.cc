// Add: y = a + b, broadcast; integers wrap.
#include "deftnn/ops/binary.h"

namespace deftnn {
namespace {

Status Evaluate(EvaluateContext& context) {
  return EvaluateBinary(context, [](auto a, auto b) { return WrappingAdd(a, b); });
}

}  // namespace

extern const OpDef kAddOp;
constinit const OpDef kAddOp = {.name = "Add",
                                .min_inputs = 2,
                                .max_inputs = 2,
                                .infer = &InferBinary,
                                .evaluate = &Evaluate,
                                .channels = &ChannelsElementwise};

}  // namespace deftnn
