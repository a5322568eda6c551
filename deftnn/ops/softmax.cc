// Softmax: y = exp(x) / sum of exp(x) along an axis.
#include "deftnn/ops/softmax.h"

namespace deftnn {
namespace {

Status Evaluate(EvaluateContext& context) { return EvaluateSoftmax(context, false); }

}  // namespace

extern const OpDef kSoftmaxOp;
constinit const OpDef kSoftmaxOp = {.name = "Softmax",
                                    .normalise = &NormaliseSoftmax,
                                    .infer = &InferSoftmax,
                                    .evaluate = &Evaluate,
                                    .channels = &ChannelsSoftmax};

}  // namespace deftnn
