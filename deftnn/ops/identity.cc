// Identity: y = x, of any type.
#include "deftnn/ops/unary.h"

namespace deftnn {
namespace {

Status Evaluate(EvaluateContext& context) {
  context.output(0) = context.input(0);
  return {};
}

}  // namespace

extern const OpDef kIdentityOp;
constinit const OpDef kIdentityOp = {.name = "Identity",
                                     .infer = &InferUnary,
                                     .evaluate = &Evaluate,
                                     .channels = &ChannelsPassThrough};

}  // namespace deftnn
