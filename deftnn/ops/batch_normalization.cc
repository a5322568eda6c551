// BatchNormalization at inference: y = (x - mean[c]) / sqrt(var[c] + epsilon) * scale[c] + bias[c].
#include "deftnn/ops/numeric.h"

namespace deftnn {
namespace {

// Opsets before 9 know `spatial`, before 14 training is shown by extra outputs; those are the
// running statistics of a training step, which nothing at inference may read.
Status Normalise(NormaliseContext& context) {
  Node& node = context.node();
  if (node.Int("spatial", 1) != 1) {
    return Error("BatchNormalization with spatial = 0 is not supported");
  }
  if (node.Int("training_mode", 0) != 0) {
    return Error("BatchNormalization is in training mode")
        .WithHint("export the model for inference");
  }
  node.attributes.erase("spatial");
  node.attributes.erase("momentum");
  if (node.outputs.size() > 1) node.outputs.resize(1);
  return {};
}

Status Infer(InferContext& context) {
  DEFTNN_RETURN_IF_ERROR(CheckFloat(context, 0));
  const Shape& x = context.shape(0);
  if (x.size() < 2) return Error("expected N x C x ... inputs, got {}", ToString(x));
  for (size_t i = 1; i < 5; ++i) {
    DEFTNN_RETURN_IF_ERROR(CheckSameType(context, i));
    if (context.shape(i) != Shape{x[1]}) {
      return Error("its input {} has shape {} for {} channels", i, ToString(context.shape(i)),
                   x[1]);
    }
  }
  context.SetOutput(0, context.type(0), x);
  return {};
}

template <typename T>
void Normalize(EvaluateContext& context, double epsilon) {
  const Tensor& x = context.input(0);
  const auto in = x.values<T>();
  const auto scale = context.input(1).values<T>(), bias = context.input(2).values<T>();
  const auto mean = context.input(3).values<T>(), variance = context.input(4).values<T>();
  auto out = context.output(0).template mutable_values<T>();
  const int64_t channels = x.dim(1);
  if (x.size() == 0) return;
  const int64_t plane = x.size() / x.dim(0) / channels;
  for (int64_t i = 0; i < x.size(); ++i) {
    const int64_t c = i / plane % channels;
    const double factor = scale[c] / std::sqrt(variance[c] + epsilon);
    out[i] = static_cast<T>((double{in[i]} - mean[c]) * factor + bias[c]);
  }
}

Status Evaluate(EvaluateContext& context) {
  const double epsilon = context.node().Float("epsilon", 1e-5f);
  VisitFloat(context.input(0).type(),
             [&](auto sample) { Normalize<decltype(sample)>(context, epsilon); });
  return {};
}

void Channels(ChannelContext& context) {
  const ChannelLabels& x = context.input(0);
  bool constant = true;
  for (size_t i = 1; i < 5; ++i) constant = constant && context.is_constant(i);
  // Labels on another axis than the channels' pass as well: every position is scaled on its own.
  if (x.empty() || (x.axis == 1 && !constant)) return context.End();
  if (x.axis == 1) {
    for (size_t i = 1; i < 5; ++i) context.LabelConstant(i, {0, x.labels});
  }
  for (size_t i = 1; i < 5; ++i) context.Need(context.input(i));
  context.SetOutput(0, x);
}

}  // namespace

extern const OpDef kBatchNormalizationOp;
constinit const OpDef kBatchNormalizationOp = {.name = "BatchNormalization",
                                               .min_inputs = 5,
                                               .max_inputs = 5,
                                               .max_outputs = 5,
                                               .normalise = &Normalise,
                                               .infer = &Infer,
                                               .evaluate = &Evaluate,
                                               .channels = &Channels};

}  // namespace deftnn
