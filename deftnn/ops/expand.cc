// Expand: broadcast to a shape (both ways: an extent of one in the shape keeps the input's).
#include "deftnn/ops/broadcast.h"
#include "deftnn/ops/movement.h"

namespace deftnn {
namespace {

Status Infer(InferContext& context) {
  DEFTNN_RETURN_IF_ERROR(CheckMovable(context));
  DEFTNN_ASSIGN_OR_RETURN(const std::vector<int64_t> target, context.IntsInput(1, "shape"));
  if (target.size() > kMostAxes) return Error("its shape has {} axes", target.size());
  for (const int64_t extent : target) {
    if (extent < 0) return Error("its shape holds the negative extent {}", extent);
  }
  DEFTNN_ASSIGN_OR_RETURN(Shape out, BroadcastShapes(context.shape(0), target));
  context.SetOutput(0, context.type(0), std::move(out));
  return {};
}

Status Evaluate(EvaluateContext& context) {
  if (context.output(0).size() == 0) return {};
  const Tensor& in = context.input(0);
  const Shape& out = context.output(0).shape();
  const std::vector<int64_t> strides = RowMajorStrides(in.shape());
  const size_t added = out.size() - in.shape().size();
  Offsets offsets(out.size());
  for (size_t axis = 0; axis < out.size(); ++axis) {
    const bool repeated = axis < added || in.shape()[axis - added] == 1;
    for (int64_t i = 0; i < out[axis]; ++i) {
      offsets[axis].push_back(repeated ? 0 : i * strides[axis - added]);
    }
  }
  MoveByOffsets(in, offsets, context.output(0));
  return {};
}

}  // namespace

extern const OpDef kExpandOp;
constinit const OpDef kExpandOp = {
    .name = "Expand", .min_inputs = 2, .max_inputs = 2, .infer = &Infer, .evaluate = &Evaluate};

}  // namespace deftnn
