// ReduceMean: the mean over some axes; over no elements NaN, and an error for integers, whose mean
// is truncated towards zero.
#include "deftnn/ops/reduce.h"

namespace deftnn {
namespace {

Status Evaluate(EvaluateContext& context) {
  Status status;
  DEFTNN_ASSIGN_OR_RETURN(const ReduceAxes axes, ReduceAxes::Read(context));
  const int64_t count = axes.Count(context.input(0).shape());
  if (count == 0 && context.output(0).size() > 0 && !IsFloat(context.input(0).type())) {
    return Error("the mean of no integers");
  }
  VisitNumber(context.input(0).type(), [&](auto sample) {
    using T = decltype(sample);
    using Sum = Accumulator<T>;
    // The bits of an integer sum are those of the type that it is read as.
    using Read = std::conditional_t<std::is_floating_point_v<T>, double,
                                    std::conditional_t<std::is_signed_v<T>, int64_t, uint64_t>>;
    status = EvaluateReduce<T>(
        context, Sum{0}, [](Sum sum, T x) { return sum + static_cast<Sum>(x); },
        [count](Sum sum) {
          return static_cast<T>(static_cast<Read>(sum) / static_cast<Read>(count));
        });
  });
  return status;
}

}  // namespace

extern const OpDef kReduceMeanOp;
constinit const OpDef kReduceMeanOp = {.name = "ReduceMean",
                                       .max_inputs = 2,
                                       .normalise = &NormaliseReduce,
                                       .infer = &InferReduce,
                                       .evaluate = &Evaluate,
                                       .channels = &ChannelsReduce};

}  // namespace deftnn
