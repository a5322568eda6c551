// Max: y = the largest of the inputs, element by element, broadcast (NaN wins).
#include "deftnn/ops/variadic.h"

namespace deftnn {
namespace {

Status Evaluate(EvaluateContext& context) {
  return EvaluateVariadic(context, [](auto a, auto b) { return b > a || b != b ? b : a; });
}

}  // namespace

extern const OpDef kMaxOp;
constinit const OpDef kMaxOp = {.name = "Max",
                                .max_inputs = kManyInputs,
                                .infer = &InferVariadic,
                                .evaluate = &Evaluate,
                                .channels = &ChannelsElementwise};

}  // namespace deftnn
