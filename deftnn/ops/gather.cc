// Gather: slices of one axis, picked by indices (negative ones count from the end).
#include <cstring>

#include "deftnn/ops/axes.h"
#include "deftnn/ops/movement.h"

namespace deftnn {
namespace {

Status Infer(InferContext& context) {
  const Shape& data = context.shape(0);
  const Shape& indices = context.shape(1);
  DEFTNN_RETURN_IF_ERROR(CheckMovable(context));
  if (context.type(1) != ElementType::kInt64 && context.type(1) != ElementType::kInt32) {
    return Error("its indices are {}, not int32 or int64", NameOf(context.type(1)));
  }
  DEFTNN_ASSIGN_OR_RETURN(const int axis, ResolveAxis(context.node().Int("axis", 0), data.size()));
  Shape out(data.begin(), data.begin() + axis);
  out.insert(out.end(), indices.begin(), indices.end());
  out.insert(out.end(), data.begin() + axis + 1, data.end());
  context.SetOutput(0, context.type(0), std::move(out));
  return {};
}

Status Evaluate(EvaluateContext& context) {
  const Tensor& data = context.input(0);
  DEFTNN_ASSIGN_OR_RETURN(const int axis,
                          ResolveAxis(context.node().Int("axis", 0), data.shape().size()));
  DEFTNN_ASSIGN_OR_RETURN(std::vector<int64_t> indices, ToInt64Vector(context.input(1)));
  const int64_t extent = data.dim(axis);
  for (int64_t& index : indices) {
    if (index < -extent || index >= extent) {
      return Error("index {} is out of range for axis {} of extent {}", index, axis, extent);
    }
    if (index < 0) index += extent;
  }
  const int64_t outer = OuterCount(data.shape(), axis);
  const size_t slice = static_cast<size_t>(InnerCount(data.shape(), axis)) *
                       static_cast<size_t>(BitsOf(data.type())) / 8;
  std::byte* to = context.output(0).mutable_data();
  for (int64_t o = 0; o < outer && slice > 0; ++o) {
    for (const int64_t index : indices) {
      std::memcpy(to, data.data() + static_cast<size_t>(o * extent + index) * slice, slice);
      to += slice;
    }
  }
  return {};
}

}  // namespace

extern const OpDef kGatherOp;
constinit const OpDef kGatherOp = {
    .name = "Gather", .min_inputs = 2, .max_inputs = 2, .infer = &Infer, .evaluate = &Evaluate};

}  // namespace deftnn
