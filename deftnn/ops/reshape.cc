// Reshape: the same elements under another shape; 0 copies an extent, one -1 takes what is left.
#include "deftnn/ops/reshape.h"

#include <algorithm>

#include "deftnn/ops/movement.h"

namespace deftnn {
namespace {

Result<Shape> Resolve(const Shape& from, std::vector<int64_t> target, bool allow_zero) {
  const auto wrong = [&] {
    return Error("shape {} can't be reshaped to [{}]", ToString(from), fmt::join(target, ", "));
  };
  if (target.size() > kMostAxes) return Error("its target has {} axes", target.size());
  Shape out = target;
  int64_t count = 1;
  int open = -1;
  for (size_t i = 0; i < out.size(); ++i) {
    if (out[i] == -1 && open < 0) {
      open = static_cast<int>(i);
      continue;
    }
    if (out[i] == 0 && !allow_zero) {
      if (i >= from.size()) return wrong();
      out[i] = from[i];
    }
    if (out[i] < 0 || __builtin_mul_overflow(count, out[i], &count)) return wrong();
  }
  const int64_t total = ElementCount(from);
  if (open >= 0) {
    if (count == 0 || total % count != 0) return wrong();
    out[open] = total / count;
  } else if (count != total) {
    return wrong();
  }
  return out;
}

Status Infer(InferContext& context) {
  if (!context.has_input(1)) return Error("Reshape needs a shape");
  DEFTNN_ASSIGN_OR_RETURN(std::vector<int64_t> target, context.IntsInput(1, "shape"));
  DEFTNN_ASSIGN_OR_RETURN(Shape out, Resolve(context.shape(0), std::move(target),
                                             context.node().Int("allowzero", 0) != 0));
  context.SetOutput(0, context.type(0), std::move(out));
  return {};
}

/// With a channel cut, the target must still mean the same shape: the entry of the channels' new
/// axis must be open, and no other entry may copy the extent that shrinks.
bool TargetFollows(const std::vector<int64_t>& target, bool allow_zero, int from_axis,
                   int to_axis) {
  for (size_t i = 0; i < target.size(); ++i) {
    const bool copies = target[i] == 0 && !allow_zero;
    const int axis = static_cast<int>(i);
    if (axis == to_axis && target[i] != -1 && !(copies && axis == from_axis)) return false;
    if (axis != to_axis && copies && axis == from_axis) return false;
  }
  return true;
}

void Channels(ChannelContext& context) {
  const ChannelLabels& labels = context.input(0);
  if (labels.empty() || !context.is_constant(1)) return context.End();
  const auto target = ToInt64Vector(context.constant(1));
  const auto moved = LabelsReshaped(labels, context.input_shape(0), context.output_shape(0));
  const bool allow_zero = context.node().Int("allowzero", 0) != 0;
  if (!target.ok() || !moved || !TargetFollows(*target, allow_zero, labels.axis, moved->axis)) {
    return context.End();
  }
  context.SetOutput(0, *moved);
}

}  // namespace

std::optional<ChannelLabels> LabelsReshaped(const ChannelLabels& labels, const Shape& from,
                                            const Shape& to) {
  if (labels.empty() || ElementCount(from) == 0) return std::nullopt;
  const int64_t channels = from[labels.axis];
  const int64_t inner = InnerCount(from, labels.axis);
  for (int axis = 0; axis < static_cast<int>(to.size()); ++axis) {
    // Element f has channel (f / inner) % channels and lies at position (f / below) % to[axis].
    const int64_t below = InnerCount(to, axis);
    if (inner % below != 0) continue;
    const int64_t repeat = inner / below;
    if (to[axis] % (repeat * channels) != 0) continue;
    ChannelLabels moved{axis, {}};
    for (int64_t i = 0; i < to[axis]; ++i) {
      moved.labels.push_back(labels.labels[i / repeat % channels]);
    }
    return moved;
  }
  return std::nullopt;
}

extern const OpDef kReshapeOp;
constinit const OpDef kReshapeOp = {.name = "Reshape",
                                    .max_inputs = 2,
                                    .infer = &Infer,
                                    .evaluate = &EvaluateReshaped,
                                    .channels = &Channels};

}  // namespace deftnn
