// Pow: y = a ^ b, broadcast, in a's type; b may be of another type.
#include "deftnn/ops/broadcast.h"
#include "deftnn/ops/numeric.h"

namespace deftnn {
namespace {

Status Infer(InferContext& context) {
  DEFTNN_RETURN_IF_ERROR(CheckNumber(context, 0));
  DEFTNN_RETURN_IF_ERROR(CheckNumber(context, 1));
  DEFTNN_ASSIGN_OR_RETURN(Shape shape, BroadcastShapes(context.shape(0), context.shape(1)));
  context.SetOutput(0, context.type(0), std::move(shape));
  return {};
}

// Integers to a whole power wrap; every other integer result is truncated and saturates.
template <typename T, typename E>
T Power(T base, E exponent) {
  if constexpr (std::is_integral_v<T> && std::is_integral_v<E>) {
    if (exponent >= E{0}) {
      uint64_t result = 1, square = static_cast<uint64_t>(base);
      for (uint64_t left = static_cast<uint64_t>(exponent); left > 0; left >>= 1) {
        if ((left & 1) != 0) result *= square;
        square *= square;
      }
      return static_cast<T>(result);
    }
  }
  return SaturatingCast<T>(std::pow(static_cast<double>(base), static_cast<double>(exponent)));
}

template <typename T, typename E>
void Raise(const Tensor& a, const Tensor& b, Tensor& y) {
  // By cursors: the faster ZipBroadcast takes a compiler 20 s for all pairs of types.
  BroadcastCursor at_a(a.shape(), y.shape()), at_b(b.shape(), y.shape());
  const auto bases = a.values<T>();
  const auto exponents = b.values<E>();
  for (T& out : y.mutable_values<T>()) {
    out = Power(bases[at_a.at()], exponents[at_b.at()]);
    at_a.Next();
    at_b.Next();
  }
}

Status Evaluate(EvaluateContext& context) {
  VisitNumber(context.input(0).type(), [&](auto base) {
    VisitNumber(context.input(1).type(), [&](auto exponent) {
      Raise<decltype(base), decltype(exponent)>(context.input(0), context.input(1),
                                                context.output(0));
    });
  });
  return {};
}

}  // namespace

extern const OpDef kPowOp;
constinit const OpDef kPowOp = {.name = "Pow",
                                .min_inputs = 2,
                                .max_inputs = 2,
                                .infer = &Infer,
                                .evaluate = &Evaluate,
                                .channels = &ChannelsElementwise};

}  // namespace deftnn
