// What element-wise operators of one or more inputs of one type share.
#pragma once

#include "deftnn/ops/broadcast.h"
#include "deftnn/ops/numeric.h"

namespace deftnn {

inline constexpr int kManyInputs = 1 << 20;

/// Numbers of one type, broadcast.
inline Status InferVariadic(InferContext& context) {
  DEFTNN_RETURN_IF_ERROR(CheckNumber(context, 0));
  Shape shape = context.shape(0);
  for (size_t i = 1; i < context.num_inputs(); ++i) {
    if (!context.has_input(i)) return Error("its input {} is absent", i);
    DEFTNN_RETURN_IF_ERROR(CheckSameType(context, i));
    DEFTNN_ASSIGN_OR_RETURN(shape, BroadcastShapes(shape, context.shape(i)));
  }
  context.SetOutput(0, context.type(0), std::move(shape));
  return {};
}

/// y = fold(... fold(fold(x0, x1), x2) ...) over the broadcast shape.
template <typename Function>
Status EvaluateVariadic(EvaluateContext& context, Function fold) {
  Tensor& y = context.output(0);
  const bool done = VisitNumber(y.type(), [&](auto sample) {
    using T = decltype(sample);
    auto out = y.mutable_values<T>();
    for (size_t i = 0; i < context.num_inputs(); ++i) {
      const auto x = context.input(i).values<T>();
      const Shape& shape = context.input(i).shape();
      if (i == 0) {
        ZipBroadcast(x.data(), shape, out.data(), y.shape(), out.data(), y.shape(),
                     [](T value, T) { return value; });
      } else {
        ZipBroadcast(out.data(), y.shape(), x.data(), shape, out.data(), y.shape(), fold);
      }
    }
  });
  return done ? Status() : TypeError(context.node(), y.type());
}

}  // namespace deftnn
