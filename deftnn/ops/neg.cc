// Neg: y = -x (integers wrap).
#include "deftnn/ops/unary.h"

namespace deftnn {
namespace {

Status Evaluate(EvaluateContext& context) {
  return EvaluateUnary(context, [](auto x) {
    using T = decltype(x);
    if constexpr (std::is_floating_point_v<T>) {
      return -x;
    } else {
      return WrappingSub(T{0}, x);
    }
  });
}

}  // namespace

extern const OpDef kNegOp;
constinit const OpDef kNegOp = {.name = "Neg",
                                .infer = &InferUnaryNumber,
                                .evaluate = &Evaluate,
                                .channels = &ChannelsPassThrough};

}  // namespace deftnn
