// Split: one tensor cut along one axis, into parts of given or (nearly) equal sizes.
#include <climits>
#include <cstring>

#include "deftnn/ops/axes.h"
#include "deftnn/ops/movement.h"

namespace deftnn {
namespace {

/// Before opset 13 the sizes are an attribute; before 18 equal parts need no count.
Status Normalise(NormaliseContext& context) {
  if (context.opset() < 13) context.MoveIntsToInput("split", 1);
  Node& node = context.node();
  if (!node.has_input(1) && !node.has("num_outputs")) {
    node.attributes["num_outputs"] = static_cast<int64_t>(node.outputs.size());
  }
  return {};
}

Result<std::vector<int64_t>> Sizes(const Node& node, int64_t extent, bool given,
                                   std::vector<int64_t> sizes) {
  const int64_t parts = static_cast<int64_t>(node.outputs.size());
  if (!given) {
    if (node.Int("num_outputs", parts) != parts) {
      return Error("its num_outputs is {}, but it has {} outputs", node.Int("num_outputs", parts),
                   parts);
    }
    const int64_t chunk = (extent + parts - 1) / parts;
    sizes.assign(parts, chunk);
    sizes.back() = extent - chunk * (parts - 1);
    if (sizes.back() < 0) return Error("{} can't be split into {} parts", extent, parts);
    return sizes;
  }
  int64_t left = extent;
  bool good = static_cast<int64_t>(sizes.size()) == parts;
  for (size_t i = 0; good && i < sizes.size(); ++i) {
    good = sizes[i] >= 0 && sizes[i] <= left;
    left -= sizes[i];
  }
  if (!good || left != 0) {
    return Error("its split [{}] does not cut {} into {} parts", fmt::join(sizes, ", "), extent,
                 parts);
  }
  return sizes;
}

Status Infer(InferContext& context) {
  DEFTNN_ASSIGN_OR_RETURN(const int axis,
                          ResolveAxis(context.node().Int("axis", 0), context.shape(0).size()));
  DEFTNN_RETURN_IF_ERROR(CheckMovable(context));
  DEFTNN_ASSIGN_OR_RETURN(std::vector<int64_t> given, context.IntsInput(1, "split"));
  DEFTNN_ASSIGN_OR_RETURN(
      const std::vector<int64_t> sizes,
      Sizes(context.node(), context.shape(0)[axis], context.has_input(1), std::move(given)));
  for (size_t i = 0; i < sizes.size(); ++i) {
    Shape shape = context.shape(0);
    shape[axis] = sizes[i];
    context.SetOutput(i, context.type(0), std::move(shape));
  }
  return {};
}

Status Evaluate(EvaluateContext& context) {
  const Tensor& in = context.input(0);
  DEFTNN_ASSIGN_OR_RETURN(const int axis,
                          ResolveAxis(context.node().Int("axis", 0), in.shape().size()));
  const size_t element = static_cast<size_t>(BitsOf(in.type())) / 8;
  const int64_t outer = OuterCount(in.shape(), axis);
  const size_t inner = static_cast<size_t>(InnerCount(in.shape(), axis)) * element;
  const size_t row = static_cast<size_t>(in.dim(axis)) * inner;
  size_t start = 0;
  for (size_t i = 0; i < context.num_outputs(); ++i) {
    if (!context.has_output(i)) return Error("Split needs all of its outputs");
    Tensor& out = context.output(i);
    const size_t part = static_cast<size_t>(out.dim(axis)) * inner;
    std::byte* to = out.mutable_data();
    for (int64_t o = 0; o < outer && part > 0; ++o) {
      std::memcpy(to + o * part, in.data() + o * row + start, part);
    }
    start += part;
  }
  return {};
}

/// Along the channels' axis the sizes would have to change with them.
void Channels(ChannelContext& context) {
  const auto axis = ResolveAxis(context.node().Int("axis", 0), context.input_shape(0).size());
  if (!axis.ok() || context.input(0).axis == *axis) return context.End();
  for (size_t i = 0; i < context.node().outputs.size(); ++i) context.SetOutput(i, context.input(0));
}

}  // namespace

extern const OpDef kSplitOp;
constinit const OpDef kSplitOp = {.name = "Split",
                                  .max_inputs = 2,
                                  .max_outputs = INT_MAX,
                                  .normalise = &Normalise,
                                  .infer = &Infer,
                                  .evaluate = &Evaluate,
                                  .channels = &Channels};

}  // namespace deftnn
