// Concat: the inputs one behind the other along one axis.
#include <climits>
#include <cstring>

#include "deftnn/ops/axes.h"
#include "deftnn/ops/movement.h"
#include "deftnn/ops/numeric.h"

namespace deftnn {
namespace {

Status Infer(InferContext& context) {
  if (!context.node().has("axis")) return Error("Concat needs an axis");
  DEFTNN_ASSIGN_OR_RETURN(const int axis,
                          ResolveAxis(context.node().Int("axis", 0), context.shape(0).size()));
  DEFTNN_RETURN_IF_ERROR(CheckMovable(context));
  Shape out = context.shape(0);
  for (size_t i = 1; i < context.num_inputs(); ++i) {
    if (!context.has_input(i)) return Error("Concat needs its input {}", i);
    DEFTNN_RETURN_IF_ERROR(CheckSameType(context, i));
    const Shape& shape = context.shape(i);
    bool agree = shape.size() == out.size();
    for (size_t k = 0; agree && k < out.size(); ++k) {
      agree = static_cast<int>(k) == axis || shape[k] == out[k];
    }
    if (!agree || __builtin_add_overflow(out[axis], shape[axis], &out[axis])) {
      return Error("shapes {} and {} can't be concatenated along axis {}",
                   ToString(context.shape(0)), ToString(shape), axis);
    }
  }
  context.SetOutput(0, context.type(0), std::move(out));
  return {};
}

Status Evaluate(EvaluateContext& context) {
  Tensor& out = context.output(0);
  DEFTNN_ASSIGN_OR_RETURN(const int axis,
                          ResolveAxis(context.node().Int("axis", 0), out.shape().size()));
  const size_t element = static_cast<size_t>(BitsOf(out.type())) / 8;
  const int64_t outer = OuterCount(out.shape(), axis);
  const size_t inner = static_cast<size_t>(InnerCount(out.shape(), axis)) * element;
  const size_t row = static_cast<size_t>(out.dim(axis)) * inner;
  std::byte* to = out.mutable_data();
  size_t start = 0;
  for (size_t i = 0; i < context.num_inputs(); ++i) {
    const Tensor& in = context.input(i);
    const size_t part = static_cast<size_t>(in.dim(axis)) * inner;
    for (int64_t o = 0; o < outer && part > 0; ++o) {
      std::memcpy(to + o * row + start, in.data() + o * part, part);
    }
    start += part;
  }
  return {};
}

/// Along the channels' axis the parts' labels follow each other; along another axis every part has
/// the same channels.
void Channels(ChannelContext& context) {
  const int rank = static_cast<int>(context.output_shape(0).size());
  const auto axis = ResolveAxis(context.node().Int("axis", 0), rank);
  int labelled = -1;
  for (size_t i = 0; i < context.num_inputs() && labelled < 0; ++i)
    labelled = context.input(i).axis;
  if (!axis.ok() || labelled < 0) return context.End();
  const bool along = labelled == *axis;
  ChannelLabels out{labelled, {}};
  for (size_t i = 0; i < context.num_inputs(); ++i) {
    const bool constant = context.is_constant(i);
    if (context.input(i).axis != labelled && (along || !constant)) return context.End();
    if (along) {
      const auto& labels = context.input(i).labels;
      out.labels.insert(out.labels.end(), labels.begin(), labels.end());
    } else if (!constant && out.labels.empty()) {
      out.labels = context.input(i).labels;
    }
  }
  for (size_t i = 0; i < context.num_inputs() && !along; ++i) {
    if (context.is_constant(i)) {
      context.LabelConstant(i, out);
    } else {
      context.Unify(out, context.input(i));
    }
  }
  context.SetOutput(0, std::move(out));
}

}  // namespace

extern const OpDef kConcatOp;
constinit const OpDef kConcatOp = {.name = "Concat",
                                   .max_inputs = INT_MAX,
                                   .infer = &Infer,
                                   .evaluate = &Evaluate,
                                   .channels = &Channels};

}  // namespace deftnn
