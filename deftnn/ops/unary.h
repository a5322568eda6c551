// What operators of one input that keep its type and shape share.
#pragma once

#include "deftnn/ops/numeric.h"

namespace deftnn {

/// Any type.
inline Status InferUnary(InferContext& context) {
  context.SetOutput(0, context.type(0), context.shape(0));
  return {};
}
/// Numbers: see CheckNumber.
inline Status InferUnaryNumber(InferContext& context) {
  DEFTNN_RETURN_IF_ERROR(CheckNumber(context, 0));
  return InferUnary(context);
}
/// float32 and float64.
inline Status InferUnaryFloat(InferContext& context) {
  DEFTNN_RETURN_IF_ERROR(CheckFloat(context, 0));
  return InferUnary(context);
}

/// Applies `function` to every element; numeric types only (bool and strings are an error).
template <typename Function>
Status EvaluateUnary(EvaluateContext& context, Function function) {
  const Tensor& input = context.input(0);
  const bool done = VisitNumber(input.type(), [&](auto sample) {
    using T = decltype(sample);
    const auto x = input.values<T>();
    auto y = context.output(0).mutable_values<T>();
    for (size_t i = 0; i < x.size(); ++i) y[i] = static_cast<T>(function(x[i]));
  });
  return done ? Status() : TypeError(context.node(), input.type());
}

/// The same for float32 and float64 only.
template <typename Function>
Status EvaluateUnaryFloat(EvaluateContext& context, Function function) {
  const Tensor& input = context.input(0);
  const bool done = VisitFloat(input.type(), [&](auto sample) {
    using T = decltype(sample);
    const auto x = input.values<T>();
    auto y = context.output(0).mutable_values<T>();
    for (size_t i = 0; i < x.size(); ++i) y[i] = static_cast<T>(function(x[i]));
  });
  return done ? Status() : TypeError(context.node(), input.type());
}

}  // namespace deftnn
