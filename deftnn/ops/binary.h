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
  const bool done = VisitNumber(a.type(), [&](auto sample) {
    using T = decltype(sample);
    ZipBroadcast(a.values<T>().data(), a.shape(), b.values<T>().data(), b.shape(),
                 y.mutable_values<T>().data(), y.shape(), function);
  });
  return done ? Status() : TypeError(context.node(), a.type());
}

}  // namespace deftnn
