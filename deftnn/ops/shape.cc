// Shape: the extents of axes `start` to `end` as an int64 vector.
#include <algorithm>

#include "deftnn/ops/op.h"

namespace deftnn {
namespace {

struct Span {
  int64_t start, end;
};

Span SpanOf(const Node& node, int64_t rank) {
  const auto clamped = [&](int64_t axis) {
    return std::clamp<int64_t>(axis < 0 ? axis + rank : axis, 0, rank);
  };
  const Span span{clamped(node.Int("start", 0)), clamped(node.Int("end", rank))};
  return {span.start, std::max(span.start, span.end)};
}

Status Infer(InferContext& context) {
  const Span span = SpanOf(context.node(), static_cast<int64_t>(context.shape(0).size()));
  context.SetOutput(0, ElementType::kInt64, {span.end - span.start});
  return {};
}

Status Evaluate(EvaluateContext& context) {
  const Shape& shape = context.input(0).shape();
  const Span span = SpanOf(context.node(), static_cast<int64_t>(shape.size()));
  std::copy(shape.begin() + span.start, shape.begin() + span.end,
            context.output(0).mutable_values<int64_t>().begin());
  return {};
}

/// Nobody reads the channels' values here, but how many there are must not change where it is told.
void Channels(ChannelContext& context) {
  const Span span = SpanOf(context.node(), static_cast<int64_t>(context.input_shape(0).size()));
  const int axis = context.input(0).axis;
  if (axis >= span.start && axis < span.end) context.End();
}

}  // namespace

extern const OpDef kShapeOp;
constinit const OpDef kShapeOp = {
    .name = "Shape", .infer = &Infer, .evaluate = &Evaluate, .channels = &Channels};

}  // namespace deftnn
