// What operators of one input that keep its type and shape share.
#pragma once

#include "deftnn/ops/op.h"

namespace deftnn {

inline Status InferUnary(InferContext& context) {
  context.SetOutput(0, context.type(0), context.shape(0));
  return {};
}

/// Applies `function` to every element; numeric types only (bool and strings are an error).
template <typename Function>
Status EvaluateUnary(EvaluateContext& context, Function function) {
  const Tensor& input = context.input(0);
  bool done = false;
  VisitArithmetic(input.type(), [&](auto sample) {
    using T = decltype(sample);
    if constexpr (!std::is_same_v<T, bool>) {
      const auto x = input.values<T>();
      auto y = context.output(0).mutable_values<T>();
      for (size_t i = 0; i < x.size(); ++i) y[i] = static_cast<T>(function(x[i]));
      done = true;
    }
  });
  if (!done) return Error("{} does not take {}", context.node().op, NameOf(input.type()));
  return {};
}

}  // namespace deftnn
