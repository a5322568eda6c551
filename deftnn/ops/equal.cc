// Equal: y = (a == b), a bool for each pair, broadcast; NaN equals nothing.
#include "deftnn/ops/broadcast.h"
#include "deftnn/ops/numeric.h"

namespace deftnn {
namespace {

Status Infer(InferContext& context) {
  DEFTNN_RETURN_IF_ERROR(CheckSameType(context, 1));
  if (!VisitArithmetic(context.type(0), [](auto) {})) {
    return TypeError(context.node(), context.type(0));
  }
  DEFTNN_ASSIGN_OR_RETURN(Shape out, BroadcastShapes(context.shape(0), context.shape(1)));
  context.SetOutput(0, ElementType::kBool, std::move(out));
  return {};
}

Status Evaluate(EvaluateContext& context) {
  const Tensor& a = context.input(0);
  const Tensor& b = context.input(1);
  VisitArithmetic(a.type(), [&](auto sample) {
    using T = decltype(sample);
    Tensor& y = context.output(0);
    ZipBroadcast(a.values<T>().data(), a.shape(), b.values<T>().data(), b.shape(),
                 y.mutable_values<bool>().data(), y.shape(), [](T p, T q) { return p == q; });
  });
  return {};
}

}  // namespace

extern const OpDef kEqualOp;
constinit const OpDef kEqualOp = {
    .name = "Equal", .min_inputs = 2, .max_inputs = 2, .infer = &Infer, .evaluate = &Evaluate};

}  // namespace deftnn
