// ArgMax: where along an axis the largest element is (int64); the first of equals, or the last.
#include "deftnn/ops/axes.h"
#include "deftnn/ops/numeric.h"

namespace deftnn {
namespace {

Status Infer(InferContext& context) {
  DEFTNN_RETURN_IF_ERROR(CheckNumber(context, 0));
  Shape shape = context.shape(0);
  DEFTNN_ASSIGN_OR_RETURN(const int axis, ResolveAxis(context.node().Int("axis", 0), shape.size()));
  if (shape[axis] == 0) return Error("there is no largest of no elements");
  if (context.node().Int("keepdims", 1) != 0) {
    shape[axis] = 1;
  } else {
    shape.erase(shape.begin() + axis);
  }
  context.SetOutput(0, ElementType::kInt64, std::move(shape));
  return {};
}

Status Evaluate(EvaluateContext& context) {
  const Tensor& x = context.input(0);
  const bool last = context.node().Int("select_last_index", 0) != 0;
  DEFTNN_ASSIGN_OR_RETURN(const int axis,
                          ResolveAxis(context.node().Int("axis", 0), x.shape().size()));
  const AxisSplit split = SplitAround(x.shape(), axis, axis + 1);
  auto y = context.output(0).mutable_values<int64_t>();
  VisitNumber(x.type(), [&](auto sample) {
    const auto in = x.values<decltype(sample)>();
    for (size_t i = 0; i < y.size(); ++i) {
      const int64_t at = static_cast<int64_t>(i);
      const int64_t first = at / split.inner * split.extent * split.inner + at % split.inner;
      int64_t best = 0;
      for (int64_t k = 1; k < split.extent; ++k) {
        const auto value = in[first + k * split.inner], most = in[first + best * split.inner];
        if (value > most || (last && value == most)) best = k;
      }
      y[i] = best;
    }
  });
  return {};
}

void Channels(ChannelContext& context) {
  const ChannelLabels& x = context.input(0);
  const auto axis = ResolveAxis(context.node().Int("axis", 0), context.input_shape(0).size());
  if (x.empty() || !axis.ok() || *axis == x.axis) return context.End();
  const bool keep = context.node().Int("keepdims", 1) != 0;
  context.SetOutput(0, {keep || x.axis < *axis ? x.axis : x.axis - 1, x.labels});
}

}  // namespace

extern const OpDef kArgMaxOp;
constinit const OpDef kArgMaxOp = {
    .name = "ArgMax", .infer = &Infer, .evaluate = &Evaluate, .channels = &Channels};

}  // namespace deftnn
