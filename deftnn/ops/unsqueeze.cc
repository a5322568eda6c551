// Unsqueeze: axes of extent one put in; `axes` counts in the output.
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

/// Per axis of the output: the input's axis, or -1 for one that is put in.
Result<std::vector<int>> Sources(size_t rank, const std::vector<int64_t>& named) {
  if (rank + named.size() > kMostAxes) return Error("it puts in {} axes", named.size());
  DEFTNN_ASSIGN_OR_RETURN(const std::vector<int> axes, ResolveAxes(named, rank + named.size()));
  std::vector<int> sources(rank + named.size(), 0);
  for (const int axis : axes) sources[axis] = -1;
  int next = 0;
  for (int& source : sources) {
    if (source == 0) source = next++;
  }
  return sources;
}

Status Infer(InferContext& context) {
  if (!context.has_input(1)) return Error("Unsqueeze needs axes");
  DEFTNN_ASSIGN_OR_RETURN(const std::vector<int64_t> named, context.IntsInput(1, "axes"));
  DEFTNN_ASSIGN_OR_RETURN(const std::vector<int> sources, Sources(context.shape(0).size(), named));
  Shape out;
  for (const int source : sources) out.push_back(source < 0 ? 1 : context.shape(0)[source]);
  context.SetOutput(0, context.type(0), std::move(out));
  return {};
}

void Channels(ChannelContext& context) {
  const ChannelLabels& labels = context.input(0);
  if (labels.empty() || !context.is_constant(1)) return context.End();
  const auto named = ToInt64Vector(context.constant(1));
  if (!named.ok()) return context.End();
  const auto sources = Sources(context.input_shape(0).size(), *named);
  if (!sources.ok()) return context.End();
  const auto at = std::find(sources->begin(), sources->end(), labels.axis);
  context.SetOutput(0, {static_cast<int>(at - sources->begin()), labels.labels});
}

}  // namespace

extern const OpDef kUnsqueezeOp;
constinit const OpDef kUnsqueezeOp = {.name = "Unsqueeze",
                                      .max_inputs = 2,
                                      .normalise = &Normalise,
                                      .infer = &Infer,
                                      .evaluate = &EvaluateReshaped,
                                      .channels = &Channels};

}  // namespace deftnn
