// Clip: y = min(max(x, low), high); each limit is an optional scalar input.
#include <optional>

#include "deftnn/ops/unary.h"

namespace deftnn {
namespace {

// Before opset 11 the limits are attributes.
Status Normalise(NormaliseContext& context) {
  Node& node = context.node();
  if (context.opset() >= 11) return {};
  const char* const names[] = {"min", "max"};
  for (size_t i = 0; i < 2; ++i) {
    if (!node.has(names[i])) continue;
    const float fallback =
        i == 0 ? std::numeric_limits<float>::lowest() : std::numeric_limits<float>::max();
    const float limit = node.Float(names[i], fallback);
    node.attributes.erase(names[i]);
    while (node.inputs.size() <= i + 1) node.inputs.push_back(kNoValue);
    node.inputs[i + 1] = context.AddConstant(names[i], Tensor::Scalar<float>(limit));
  }
  return {};
}

Status Infer(InferContext& context) {
  for (size_t i = 1; i < 3; ++i) {
    if (!context.has_input(i)) continue;
    // A limit that was an attribute is float32, whatever the data is.
    if (context.type(i) != ElementType::kFloat32) {
      DEFTNN_RETURN_IF_ERROR(CheckSameType(context, i));
    }
    if (ElementCount(context.shape(i)) != 1) {
      return Error("the {} must be one number, got shape {}",
                   i == 1 ? "lower limit" : "upper limit", ToString(context.shape(i)));
    }
  }
  return InferUnaryNumber(context);
}

template <typename T>
std::optional<T> Limit(const EvaluateContext& context, size_t i) {
  if (!context.has_input(i)) return std::nullopt;
  const Tensor& limit = context.input(i);
  if (limit.type() == kTypeOf<T>) return limit.values<T>()[0];
  return SaturatingCast<T>(limit.values<float>()[0]);
}

// The upper limit wins where the two cross; NaN stays NaN.
template <typename T>
void ClipAll(EvaluateContext& context) {
  const std::optional<T> low = Limit<T>(context, 1), high = Limit<T>(context, 2);
  const auto x = context.input(0).values<T>();
  auto y = context.output(0).template mutable_values<T>();
  for (size_t i = 0; i < x.size(); ++i) {
    T value = x[i];
    if (low.has_value() && value < *low) value = *low;
    if (high.has_value() && value > *high) value = *high;
    y[i] = value;
  }
}

Status Evaluate(EvaluateContext& context) {
  VisitNumber(context.input(0).type(), [&](auto sample) { ClipAll<decltype(sample)>(context); });
  return {};
}

}  // namespace

extern const OpDef kClipOp;
constinit const OpDef kClipOp = {.name = "Clip",
                                 .max_inputs = 3,
                                 .normalise = &Normalise,
                                 .infer = &Infer,
                                 .evaluate = &Evaluate,
                                 .channels = &ChannelsPassThrough};

}  // namespace deftnn
