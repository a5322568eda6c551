// Mul: y = a * b, broadcast; integers wrap.
#include "deftnn/ops/binary.h"

namespace deftnn {
namespace {

Status Evaluate(EvaluateContext& context) {
  return EvaluateBinary(context, [](auto a, auto b) { return WrappingMul(a, b); });
}

}  // namespace

extern const OpDef kMulOp;
constinit const OpDef kMulOp = {.name = "Mul",
                                .min_inputs = 2,
                                .max_inputs = 2,
                                .infer = &InferBinary,
                                .evaluate = &Evaluate,
                                .channels = &ChannelsElementwise};

}  // namespace deftnn
