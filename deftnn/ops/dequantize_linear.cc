// DequantizeLinear: y = (x - zero_point) * scale, per tensor or per position along an axis.
#include "deftnn/ops/axes.h"
#include "deftnn/ops/numeric.h"

namespace deftnn {
namespace {

// The axis that scales go along, or -1 for one scale.
Result<int> ScaleAxis(const Node& node, const Shape& x, const Shape& scale) {
  if (ElementCount(scale) == 1 && scale.size() <= 1) return -1;
  DEFTNN_ASSIGN_OR_RETURN(const int axis, ResolveAxis(node.Int("axis", 1), x.size()));
  if (scale != Shape{x[axis]}) {
    return Error("scales of shape {} for {} positions of axis {}", ToString(scale), x[axis], axis);
  }
  return axis;
}

Status Infer(InferContext& context) {
  switch (context.type(0)) {
    case ElementType::kInt8:
    case ElementType::kUint8:
    case ElementType::kInt16:
    case ElementType::kUint16:
    case ElementType::kInt32:
      break;
    default:
      return TypeError(context.node(), context.type(0));
  }
  if (context.type(1) != ElementType::kFloat32) {
    return Error("scales must be float32, got {}", NameOf(context.type(1)));
  }
  if (context.node().Int("block_size", 0) != 0) {
    return Error("DequantizeLinear with blocks of scales is not supported");
  }
  DEFTNN_RETURN_IF_ERROR(CheckSameType(context, 2));
  if (context.has_input(2) && ElementCount(context.shape(2)) != ElementCount(context.shape(1))) {
    return Error("{} zero points for {} scales", ElementCount(context.shape(2)),
                 ElementCount(context.shape(1)));
  }
  DEFTNN_RETURN_IF_ERROR(ScaleAxis(context.node(), context.shape(0), context.shape(1)).status());
  context.SetOutput(0, ElementType::kFloat32, context.shape(0));
  return {};
}

Status Evaluate(EvaluateContext& context) {
  const Tensor& x = context.input(0);
  const auto scales = context.input(1).values<float>();
  DEFTNN_ASSIGN_OR_RETURN(const int axis,
                          ScaleAxis(context.node(), x.shape(), context.input(1).shape()));
  const AxisSplit split = axis < 0 ? AxisSplit{} : SplitAround(x.shape(), axis, axis + 1);
  auto y = context.output(0).mutable_values<float>();
  VisitNumber(x.type(), [&](auto sample) {
    using T = decltype(sample);
    const auto in = x.values<T>();
    for (size_t i = 0; i < in.size(); ++i) {
      const int64_t at = static_cast<int64_t>(i) / split.inner % split.extent;
      const int64_t zero =
          context.has_input(2) ? static_cast<int64_t>(context.input(2).values<T>()[at]) : 0;
      y[i] = static_cast<float>(static_cast<int64_t>(in[i]) - zero) * scales[at];
    }
  });
  return {};
}

}  // namespace

extern const OpDef kDequantizeLinearOp;
constinit const OpDef kDequantizeLinearOp = {.name = "DequantizeLinear",
                                             .min_inputs = 2,
                                             .max_inputs = 3,
                                             .infer = &Infer,
                                             .evaluate = &Evaluate};

}  // namespace deftnn
