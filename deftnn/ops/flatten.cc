// Flatten: a matrix of the extents before `axis` and the extents from it on.
#include "deftnn/ops/movement.h"
#include "deftnn/ops/reshape.h"

namespace deftnn {
namespace {

Status Infer(InferContext& context) {
  const Shape& shape = context.shape(0);
  const int64_t rank = static_cast<int64_t>(shape.size());
  int64_t axis = context.node().Int("axis", 1);
  if (axis < -rank || axis > rank) {
    return Error("axis {} is out of range for a tensor of rank {}", axis, rank);
  }
  if (axis < 0) axis += rank;
  context.SetOutput(0, context.type(0),
                    {ElementCount(Shape(shape.begin(), shape.begin() + axis)),
                     ElementCount(Shape(shape.begin() + axis, shape.end()))});
  return {};
}

void Channels(ChannelContext& context) {
  const auto moved =
      LabelsReshaped(context.input(0), context.input_shape(0), context.output_shape(0));
  if (!moved) return context.End();
  context.SetOutput(0, *moved);
}

}  // namespace

extern const OpDef kFlattenOp;
constinit const OpDef kFlattenOp = {
    .name = "Flatten", .infer = &Infer, .evaluate = &EvaluateReshaped, .channels = &Channels};

}  // namespace deftnn
