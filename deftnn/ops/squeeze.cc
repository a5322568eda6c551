// Squeeze: axes of extent one taken out (all of them unless `axes` names some).
#include <algorithm>

#include "deftnn/ops/axes.h"
#include "deftnn/ops/movement.h"

namespace deftnn {
namespace {

/// Before opset 13 the axes are an attribute.
Status Normalise(NormaliseContext& context) {
  if (context.opset() < 13) context.MoveIntsToInput("axes", 1);
  return {};
}

bool Holds(const std::vector<int>& axes, size_t axis) {
  return std::find(axes.begin(), axes.end(), static_cast<int>(axis)) != axes.end();
}

Status Infer(InferContext& context) {
  const Shape& shape = context.shape(0);
  DEFTNN_ASSIGN_OR_RETURN(const std::vector<int64_t> named, context.IntsInput(1, "axes"));
  DEFTNN_ASSIGN_OR_RETURN(const std::vector<int> axes, ResolveAxes(named, shape.size()));
  Shape out;
  for (size_t i = 0; i < shape.size(); ++i) {
    const bool squeezed = context.has_input(1) ? Holds(axes, i) : shape[i] == 1;
    if (squeezed && shape[i] != 1) {
      return Error("axis {} of shape {} is not of extent 1", i, ToString(shape));
    }
    if (!squeezed) out.push_back(shape[i]);
  }
  context.SetOutput(0, context.type(0), std::move(out));
  return {};
}

/// Without named axes a channel axis that is cut down to one would vanish.
void Channels(ChannelContext& context) {
  const ChannelLabels& labels = context.input(0);
  if (labels.empty() || context.num_inputs() < 2 || !context.is_constant(1)) return context.End();
  const auto named = ToInt64Vector(context.constant(1));
  if (!named.ok()) return context.End();
  const auto axes = ResolveAxes(*named, context.input_shape(0).size());
  if (!axes.ok() || Holds(*axes, static_cast<size_t>(labels.axis))) return context.End();
  int moved = labels.axis;
  for (const int axis : *axes) moved -= axis < labels.axis ? 1 : 0;
  context.SetOutput(0, {moved, labels.labels});
}

}  // namespace

extern const OpDef kSqueezeOp;
constinit const OpDef kSqueezeOp = {.name = "Squeeze",
                                    .max_inputs = 2,
                                    .normalise = &Normalise,
                                    .infer = &Infer,
                                    .evaluate = &EvaluateReshaped,
                                    .channels = &Channels};

}  // namespace deftnn
