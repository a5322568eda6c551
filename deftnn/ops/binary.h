// What element-wise operators of two inputs of one type share.
#pragma once

#include "deftnn/ops/broadcast.h"
#include "deftnn/ops/numeric.h"

namespace deftnn {

/// Numbers of one type, broadcast.
inline Status InferBinary(InferContext& context) {
  DEFTNN_RETURN_IF_ERROR(CheckNumber(context, 0));
  DEFTNN_RETURN_IF_ERROR(CheckSameType(context, 1));
  DEFTNN_ASSIGN_OR_RETURN(Shape shape, BroadcastShapes(context.shape(0), context.shape(1)));
  context.SetOutput(0, context.type(0), std::move(shape));
  return {};
}

/// y[i] = function(a[i], b[i]) over the broadcast shape.
template <typename Function>
Status EvaluateBinary(EvaluateContext& context, Function function) {
  const Tensor& a = context.input(0);
  const Tensor& b = context.input(1);
  Tensor& y = context.output(0);
  BroadcastCursor at_a(a.shape(), y.shape()), at_b(b.shape(), y.shape());
  const bool done = VisitNumber(a.type(), [&](auto sample) {
    using T = decltype(sample);
    const auto va = a.values<T>(), vb = b.values<T>();
    for (T& out : y.mutable_values<T>()) {
      out = function(va[at_a.at()], vb[at_b.at()]);
      at_a.Next();
      at_b.Next();
    }
  });
  return done ? Status() : TypeError(context.node(), a.type());
}

}  // namespace deftnn
