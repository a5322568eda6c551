// Sum: y = the sum of the inputs, element by element, broadcast.
#include "deftnn/ops/variadic.h"

namespace deftnn {
namespace {

Status Evaluate(EvaluateContext& context) {
  return EvaluateVariadic(context, [](auto a, auto b) { return WrappingAdd(a, b); });
}

}  // namespace

extern const OpDef kSumOp;
constinit const OpDef kSumOp = {.name = "Sum",
                                .max_inputs = kManyInputs,
                                .infer = &InferVariadic,
                                .evaluate = &Evaluate,
                                .channels = &ChannelsElementwise};

}  // namespace deftnn
