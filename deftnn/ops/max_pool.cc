// MaxPool: the largest value under the window; padding does not take part.
#include "deftnn/ops/numeric.h"
#include "deftnn/ops/pool.h"

namespace deftnn {
namespace {

Status Infer(InferContext& context) {
  const Node& node = context.node();
  if (node.outputs.size() > 1 && node.outputs[1] != kNoValue) {
    return Error("MaxPool's output Indices is not supported");
  }
  DEFTNN_RETURN_IF_ERROR(CheckNumber(context, 0));
  DEFTNN_ASSIGN_OR_RETURN(const PoolAttributes pool, PoolAttributes::Read(node, context.shape(0)));
  context.SetOutput(0, context.type(0), pool.OutputShape(context.shape(0)));
  return {};
}

// NaN wins; a window that lies wholly in the padding gives the lowest value.
template <typename T>
void Pool(const PoolAttributes& pool, const Tensor& x, Tensor& y) {
  const std::span<const int64_t> input = std::span(x.shape()).subspan(2);
  const auto in = x.values<T>();
  auto out = y.mutable_values<T>();
  const int64_t planes = x.dim(0) * x.dim(1);
  if (planes == 0 || y.size() == 0) return;
  const int64_t in_plane = x.size() / planes, out_plane = y.size() / planes;
  for (int64_t at = 0; at < out_plane; ++at) {
    const PoolCell cell = CellAt(pool.window, input, at);
    for (int64_t plane = 0; plane < planes; ++plane) {
      T best = std::numeric_limits<T>::lowest();
      for (int64_t offset : cell.offsets) {
        const T value = in[plane * in_plane + offset];
        if (value > best || value != value) best = value;
      }
      out[plane * out_plane + at] = best;
    }
  }
}

Status Evaluate(EvaluateContext& context) {
  const Tensor& x = context.input(0);
  DEFTNN_ASSIGN_OR_RETURN(const PoolAttributes pool,
                          PoolAttributes::Read(context.node(), x.shape()));
  VisitNumber(x.type(), [&](auto sample) { Pool<decltype(sample)>(pool, x, context.output(0)); });
  return {};
}

void Channels(ChannelContext& context) {
  if (context.input(0).axis > 1) return context.End();  // the window mixes spatial positions
  ChannelsPassThrough(context);
}

}  // namespace

extern const OpDef kMaxPoolOp;
constinit const OpDef kMaxPoolOp = {.name = "MaxPool",
                                    .max_outputs = 2,
                                    .infer = &Infer,
                                    .evaluate = &Evaluate,
                                    .channels = &Channels};

}  // namespace deftnn
