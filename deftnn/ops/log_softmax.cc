// LogSoftmax: y = x - log(sum of exp(x)) along an axis.
#include "deftnn/ops/softmax.h"

namespace deftnn {
namespace {

Status Evaluate(EvaluateContext& context) { return EvaluateSoftmax(context, true); }

}  // namespace

extern const OpDef kLogSoftmaxOp;
constinit const OpDef kLogSoftmaxOp = {.name = "LogSoftmax",
                                       .normalise = &NormaliseSoftmax,
                                       .infer = &InferSoftmax,
                                       .evaluate = &Evaluate,
                                       .channels = &ChannelsSoftmax};

}  // namespace deftnn
