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
    auto out = context.output(0).mutable_values<bool>();
    BroadcastCursor at(a.shape(), context.output(0).shape());
    BroadcastCursor bt(b.shape(), context.output(0).shape());
    for (bool& equal : out) {
      equal = a.values<T>()[at.at()] == b.values<T>()[bt.at()];
      at.Next();
      bt.Next();
    }
  });
  return {};
}

}  // namespace

extern const OpDef kEqualOp;
constinit const OpDef kEqualOp = {
    .name = "Equal", .min_inputs = 2, .max_inputs = 2, .infer = &Infer, .evaluate = &Evaluate};

}  // namespace deftnn
