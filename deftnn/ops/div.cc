// Div: y = a / b, broadcast; integers are truncated towards zero.
#include "deftnn/ops/binary.h"

namespace deftnn {
namespace {

template <typename T>
T Divide(T a, T b) {
  if constexpr (std::is_signed_v<T> && std::is_integral_v<T>) {
    if (b == T{-1}) return WrappingSub(T{0}, a);  // the lowest value has no opposite: it wraps
  }
  return static_cast<T>(a / b);
}

Status Evaluate(EvaluateContext& context) {
  const Tensor& divisor = context.input(1);
  bool by_zero = false;
  VisitNumber(divisor.type(), [&](auto sample) {
    using T = decltype(sample);
    if constexpr (std::is_integral_v<T>) {
      for (T value : divisor.values<T>()) by_zero = by_zero || value == 0;
    }
  });
  if (by_zero && context.output(0).size() > 0) return Error("an integer is divided by zero");
  return EvaluateBinary(context, [](auto a, auto b) { return Divide(a, b); });
}

}  // namespace

extern const OpDef kDivOp;
constinit const OpDef kDivOp = {.name = "Div",
                                .min_inputs = 2,
                                .max_inputs = 2,
                                .infer = &InferBinary,
                                .evaluate = &Evaluate,
                                .channels = &ChannelsElementwise};

}  // namespace deftnn
