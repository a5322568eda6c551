// Cast: every element to another type. Floats are truncated towards zero into integers, and what
// does not fit becomes the nearest limit (ONNX leaves it undefined), NaN becomes 0; integers keep
// their low bits; anything but zero is true.
#include "deftnn/ops/numeric.h"

namespace deftnn {
namespace {

template <typename To, typename From>
To Convert(From value) {
  if constexpr (std::is_same_v<To, bool>) {
    return value != From{0};
  } else if constexpr (std::is_floating_point_v<From>) {
    return SaturatingCast<To>(static_cast<double>(value));
  } else {
    return static_cast<To>(value);
  }
}

Status Infer(InferContext& context) {
  const int64_t to = context.node().Int("to", 0);
  const auto nothing = [](auto) {};
  const bool known = to > 0 && to <= static_cast<int64_t>(ElementType::kInt4);
  const ElementType type = known ? static_cast<ElementType>(to) : ElementType::kUndefined;
  if (!VisitArithmetic(type, nothing)) {
    return Error("Cast to element type {} ({}) is not supported", to, NameOf(type));
  }
  if (!VisitArithmetic(context.type(0), nothing)) {
    return TypeError(context.node(), context.type(0));
  }
  context.SetOutput(0, type, context.shape(0));
  return {};
}

Status Evaluate(EvaluateContext& context) {
  const Tensor& in = context.input(0);
  VisitArithmetic(in.type(), [&](auto from_sample) {
    using From = decltype(from_sample);
    VisitArithmetic(context.output(0).type(), [&](auto to_sample) {
      using To = decltype(to_sample);
      const auto from = in.values<From>();
      auto to = context.output(0).mutable_values<To>();
      for (size_t i = 0; i < from.size(); ++i) to[i] = Convert<To>(from[i]);
    });
  });
  return {};
}

}  // namespace

extern const OpDef kCastOp;
constinit const OpDef kCastOp = {
    .name = "Cast", .infer = &Infer, .evaluate = &Evaluate, .channels = &ChannelsPassThrough};

}  // namespace deftnn
