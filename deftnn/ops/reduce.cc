#include "deftnn/ops/reduce.h"

#include "deftnn/ops/axes.h"

namespace deftnn {

Shape ReduceAxes::OutputShape(const Shape& x) const {
  if (keepdims) return KeptShape(x);
  Shape shape;
  for (size_t a = 0; a < x.size(); ++a) {
    if (!reduced[a]) shape.push_back(x[a]);
  }
  return shape;
}

Shape ReduceAxes::KeptShape(const Shape& x) const {
  Shape shape = x;
  for (size_t a = 0; a < x.size(); ++a) {
    if (reduced[a]) shape[a] = 1;
  }
  return shape;
}

int64_t ReduceAxes::Count(const Shape& x) const {
  int64_t count = 1;
  for (size_t a = 0; a < x.size(); ++a) {
    if (reduced[a]) count *= x[a];
  }
  return count;
}

int ReduceAxes::OutputAxis(int axis) const {
  if (reduced[axis]) return -1;
  if (keepdims) return axis;
  return axis - static_cast<int>(std::count(reduced.begin(), reduced.begin() + axis, true));
}

Result<ReduceAxes> ReduceAxes::Read(const Node& node, const std::vector<int64_t>& axes,
                                    size_t rank) {
  ReduceAxes result;
  const bool every = axes.empty() && node.Int("noop_with_empty_axes", 0) == 0;
  result.reduced.assign(rank, every);
  result.keepdims = node.Int("keepdims", 1) != 0;
  for (int64_t stated : axes) {
    DEFTNN_ASSIGN_OR_RETURN(const int axis, ResolveAxis(stated, rank));
    result.reduced[axis] = true;
  }
  return result;
}

Result<ReduceAxes> ReduceAxes::Read(const EvaluateContext& context) {
  std::vector<int64_t> axes;
  if (context.has_input(1)) {
    DEFTNN_ASSIGN_OR_RETURN(axes, ToInt64Vector(context.input(1)));
  }
  return Read(context.node(), axes, context.input(0).shape().size());
}

Status NormaliseReduce(NormaliseContext& context) {
  context.MoveIntsToInput("axes", 1);
  return {};
}

Status InferReduce(InferContext& context) {
  DEFTNN_RETURN_IF_ERROR(CheckNumber(context, 0));
  DEFTNN_ASSIGN_OR_RETURN(const std::vector<int64_t> stated, context.IntsInput(1, "axes"));
  DEFTNN_ASSIGN_OR_RETURN(const ReduceAxes axes,
                          ReduceAxes::Read(context.node(), stated, context.shape(0).size()));
  context.SetOutput(0, context.type(0), axes.OutputShape(context.shape(0)));
  return {};
}

void ChannelsReduce(ChannelContext& context) {
  const ChannelLabels& x = context.input(0);
  std::vector<int64_t> stated;
  if (context.node().has_input(1)) {
    if (!context.is_constant(1)) return context.End();
    auto axes = ToInt64Vector(context.constant(1));
    if (!axes.ok()) return context.End();
    stated = std::move(*axes);
  }
  const auto axes = ReduceAxes::Read(context.node(), stated, context.input_shape(0).size());
  if (x.empty() || !axes.ok() || axes->OutputAxis(x.axis) < 0) return context.End();
  context.SetOutput(0, {axes->OutputAxis(x.axis), x.labels});
}

}  // namespace deftnn
