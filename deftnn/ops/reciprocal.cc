// Reciprocal: y = 1 / x.
#include "deftnn/ops/unary.h"

namespace deftnn {
namespace {

Status Evaluate(EvaluateContext& context) {
  return EvaluateUnaryFloat(context, [](auto x) { return decltype(x){1} / x; });
}

}  // namespace

extern const OpDef kReciprocalOp;
constinit const OpDef kReciprocalOp = {.name = "Reciprocal",
                                       .infer = &InferUnaryFloat,
                                       .evaluate = &Evaluate,
                                       .channels = &ChannelsPassThrough};

}  // namespace deftnn
