// What the reductions share: which axes go, and the shape that is left.
#pragma once

#include <optional>
#include <vector>

#include "deftnn/ops/broadcast.h"
#include "deftnn/ops/numeric.h"

namespace deftnn {

struct ReduceAxes {
  std::vector<bool> reduced;  // one entry per input axis
  bool keepdims = true;

  Shape OutputShape(const Shape& x) const;
  /// The output's shape with every axis kept, reduced ones of extent one.
  Shape KeptShape(const Shape& x) const;
  /// Elements that go into one output.
  int64_t Count(const Shape& x) const;
  /// The output's axis that input axis `axis` becomes; -1 when it is reduced.
  int OutputAxis(int axis) const;

  /// `axes` empty: every axis, or none with noop_with_empty_axes.
  static Result<ReduceAxes> Read(const Node& node, const std::vector<int64_t>& axes, size_t rank);
  /// Of a node that runs: the axes come from input 1.
  static Result<ReduceAxes> Read(const EvaluateContext& context);
};

/// Before opset 18 (ReduceSum: 13) the axes are an attribute.
Status NormaliseReduce(NormaliseContext& context);
/// Numbers; input 1, when there, holds the axes.
Status InferReduce(InferContext& context);
/// Channels on an axis that stays pass, at their new place.
void ChannelsReduce(ChannelContext& context);

/// Folds every element of input 0 into its output's accumulator: state = fold(state, x). The
/// accumulators start at `initial`; y = finish(state).
template <typename T, typename State, typename Fold, typename Finish>
Status EvaluateReduce(EvaluateContext& context, State initial, Fold fold, Finish finish) {
  DEFTNN_ASSIGN_OR_RETURN(const ReduceAxes axes, ReduceAxes::Read(context));
  const Tensor& x = context.input(0);
  auto y = context.output(0).template mutable_values<T>();
  std::vector<State> states(y.size(), initial);
  const T* values = x.values<T>().data();
  BroadcastRuns runs(axes.KeptShape(x.shape()), x.shape(), x.shape());
  for (BroadcastRun run; runs.Next(run);) {
    State* state = states.data() + run.a;
    const T* from = values + run.b;
    if (run.a_step == 1) {
      for (int64_t i = 0; i < run.count; ++i) state[i] = fold(state[i], from[i]);
    } else {
      State one = *state;
      for (int64_t i = 0; i < run.count; ++i) one = fold(one, from[i]);
      *state = one;
    }
  }
  for (size_t i = 0; i < y.size(); ++i) y[i] = finish(states[i]);
  return {};
}

}  // namespace deftnn
