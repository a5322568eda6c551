// Abs: y = |x| (the lowest integer wraps to itself).
#include <cmath>

#include "deftnn/ops/unary.h"

namespace deftnn {
namespace {

Status Evaluate(EvaluateContext& context) {
  return EvaluateUnary(context, [](auto x) {
    using T = decltype(x);
    if constexpr (std::is_floating_point_v<T>) {
      return std::fabs(x);
    } else {
      return x < T{0} ? WrappingSub(T{0}, x) : x;
    }
  });
}

}  // namespace

extern const OpDef kAbsOp;
constinit const OpDef kAbsOp = {.name = "Abs",
                                .infer = &InferUnaryNumber,
                                .evaluate = &Evaluate,
                                .channels = &ChannelsPassThrough};

}  // namespace deftnn
