// What Softmax and LogSoftmax share.
#pragma once

#include "deftnn/ops/axes.h"
#include "deftnn/ops/op.h"

namespace deftnn {

/// Our own attribute, which older opsets are brought to: every axis from this one on is normalized
/// as one (before opset 13 the input is seen as a matrix). Without it, only `axis` is.
inline constexpr const char* kFlattenAxis = "flatten_axis";

/// The axes [first, behind) that are normalized together.
struct SoftmaxAxes {
  int first = 0, behind = 0;

  AxisSplit Split(const Shape& shape) const { return SplitAround(shape, first, behind); }
  static Result<SoftmaxAxes> Read(const Node& node, const Shape& shape);
};

Status NormaliseSoftmax(NormaliseContext& context);
Status InferSoftmax(InferContext& context);
Status EvaluateSoftmax(EvaluateContext& context, bool logarithm);
/// Channels on another axis pass.
void ChannelsSoftmax(ChannelContext& context);

}  // namespace deftnn
