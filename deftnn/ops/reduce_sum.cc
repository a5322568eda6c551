// ReduceSum: the sum over some axes; zero over no elements.
#include "deftnn/ops/reduce.h"

namespace deftnn {
namespace {

Status Evaluate(EvaluateContext& context) {
  Status status;
  VisitNumber(context.input(0).type(), [&](auto sample) {
    using T = decltype(sample);
    using Sum = Accumulator<T>;
    status = EvaluateReduce<T>(
        context, Sum{0}, [](Sum sum, T x) { return sum + static_cast<Sum>(x); },
        [](Sum sum) { return static_cast<T>(sum); });
  });
  return status;
}

}  // namespace

extern const OpDef kReduceSumOp;
constinit const OpDef kReduceSumOp = {.name = "ReduceSum",
                                      .max_inputs = 2,
                                      .normalise = &NormaliseReduce,
                                      .infer = &InferReduce,
                                      .evaluate = &Evaluate,
                                      .channels = &ChannelsReduce};

}  // namespace deftnn
