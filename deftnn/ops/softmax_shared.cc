#include "deftnn/ops/softmax.h"
#include "deftnn/ops/unary.h"

namespace deftnn {

Result<SoftmaxAxes> SoftmaxAxes::Read(const Node& node, const Shape& shape) {
  const bool flatten = node.has(kFlattenAxis);
  const int64_t stated = flatten ? node.Int(kFlattenAxis, 1) : node.Int("axis", -1);
  DEFTNN_ASSIGN_OR_RETURN(const int first, ResolveAxis(stated, shape.size()));
  return SoftmaxAxes{first, flatten ? static_cast<int>(shape.size()) : first + 1};
}

Status NormaliseSoftmax(NormaliseContext& context) {
  Node& node = context.node();
  if (context.opset() >= 13) {
    node.attributes.erase(kFlattenAxis);
    return {};
  }
  node.attributes[kFlattenAxis] = node.Int("axis", 1);
  node.attributes.erase("axis");
  return {};
}

Status InferSoftmax(InferContext& context) {
  DEFTNN_RETURN_IF_ERROR(SoftmaxAxes::Read(context.node(), context.shape(0)).status());
  return InferUnaryFloat(context);
}

namespace {

// One run of `extent` elements, `step` apart. The largest is subtracted so that exp can't overflow.
template <typename T>
void NormalizeRun(const T* x, T* y, int64_t extent, int64_t step, bool logarithm) {
  double largest = -std::numeric_limits<double>::infinity();
  for (int64_t i = 0; i < extent; ++i) largest = std::max<double>(largest, x[i * step]);
  double sum = 0;
  for (int64_t i = 0; i < extent; ++i) sum += std::exp(x[i * step] - largest);
  const double log_sum = std::log(sum);
  for (int64_t i = 0; i < extent; ++i) {
    const double centred = x[i * step] - largest;
    y[i * step] = static_cast<T>(logarithm ? centred - log_sum : std::exp(centred) / sum);
  }
}

}  // namespace

Status EvaluateSoftmax(EvaluateContext& context, bool logarithm) {
  const Tensor& x = context.input(0);
  DEFTNN_ASSIGN_OR_RETURN(const SoftmaxAxes axes, SoftmaxAxes::Read(context.node(), x.shape()));
  const AxisSplit split = axes.Split(x.shape());
  VisitFloat(x.type(), [&](auto sample) {
    using T = decltype(sample);
    const T* in = x.values<T>().data();
    T* out = context.output(0).mutable_values<T>().data();
    for (int64_t outer = 0; outer < split.outer; ++outer) {
      for (int64_t inner = 0; inner < split.inner; ++inner) {
        const int64_t at = outer * split.extent * split.inner + inner;
        NormalizeRun(in + at, out + at, split.extent, split.inner, logarithm);
      }
    }
  });
  return {};
}

void ChannelsSoftmax(ChannelContext& context) {
  const auto axes = SoftmaxAxes::Read(context.node(), context.input_shape(0));
  const int axis = context.input(0).axis;
  if (!axes.ok() || (axis >= axes->first && axis < axes->behind)) return context.End();
  ChannelsPassThrough(context);
}

}  // namespace deftnn
