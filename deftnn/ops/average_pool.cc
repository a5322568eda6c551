// AveragePool: the mean of the values under the window; with count_include_pad the padding counts
// as zeros.
#include "deftnn/ops/numeric.h"
#include "deftnn/ops/pool.h"

namespace deftnn {
namespace {

Status Infer(InferContext& context) {
  DEFTNN_RETURN_IF_ERROR(CheckFloat(context, 0));
  DEFTNN_ASSIGN_OR_RETURN(const PoolAttributes pool,
                          PoolAttributes::Read(context.node(), context.shape(0)));
  context.SetOutput(0, context.type(0), pool.OutputShape(context.shape(0)));
  return {};
}

// A window that lies wholly in padding that does not count gives zero.
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
    const int64_t count =
        pool.count_include_pad ? cell.with_padding : static_cast<int64_t>(cell.offsets.size());
    for (int64_t plane = 0; plane < planes; ++plane) {
      double sum = 0;
      for (int64_t offset : cell.offsets) sum += in[plane * in_plane + offset];
      out[plane * out_plane + at] =
          count == 0 ? T{0} : static_cast<T>(sum / static_cast<double>(count));
    }
  }
}

Status Evaluate(EvaluateContext& context) {
  const Tensor& x = context.input(0);
  DEFTNN_ASSIGN_OR_RETURN(const PoolAttributes pool,
                          PoolAttributes::Read(context.node(), x.shape()));
  VisitFloat(x.type(), [&](auto sample) { Pool<decltype(sample)>(pool, x, context.output(0)); });
  return {};
}

void Channels(ChannelContext& context) {
  if (context.input(0).axis > 1) return context.End();  // the window mixes spatial positions
  ChannelsPassThrough(context);
}

}  // namespace

extern const OpDef kAveragePoolOp;
constinit const OpDef kAveragePoolOp = {
    .name = "AveragePool", .infer = &Infer, .evaluate = &Evaluate, .channels = &Channels};

}  // namespace deftnn
