// ReduceMax: the largest over some axes (NaN wins); over no elements the lowest value, for floats
// -inf.
#include "deftnn/ops/reduce.h"

namespace deftnn {
namespace {

Status Evaluate(EvaluateContext& context) {
  Status status;
  VisitNumber(context.input(0).type(), [&](auto sample) {
    using T = decltype(sample);
    const T lowest = std::numeric_limits<T>::has_infinity ? -std::numeric_limits<T>::infinity()
                                                          : std::numeric_limits<T>::lowest();
    status = EvaluateReduce<T>(
        context, lowest, [](T best, T x) { return x > best || x != x ? x : best; },
        [](T best) { return best; });
  });
  return status;
}

}  // namespace

extern const OpDef kReduceMaxOp;
constinit const OpDef kReduceMaxOp = {.name = "ReduceMax",
                                      .max_inputs = 2,
                                      .normalise = &NormaliseReduce,
                                      .infer = &InferReduce,
                                      .evaluate = &Evaluate,
                                      .channels = &ChannelsReduce};

}  // namespace deftnn
