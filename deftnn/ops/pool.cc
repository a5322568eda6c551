#include "deftnn/ops/pool.h"

#include "deftnn/ops/numeric.h"

namespace deftnn {

Shape PoolAttributes::OutputShape(const Shape& x) const {
  Shape shape{x[0], x[1]};
  shape.insert(shape.end(), window.output.begin(), window.output.end());
  return shape;
}

Result<PoolAttributes> PoolAttributes::Read(const Node& node, const Shape& x) {
  if (x.size() < 3) return Error("expected N x C x spatial inputs, got {}", ToString(x));
  PoolAttributes pool;
  DEFTNN_ASSIGN_OR_RETURN(pool.window, ResolveWindow(node, {x.begin() + 2, x.end()}));
  for (int a = 0; a < pool.window.axes(); ++a) {
    const int64_t reach = (pool.window.kernel[a] - 1) * pool.window.dilations[a] + 1;
    if (std::max(pool.window.pads_begin[a], pool.window.pads_end[a]) >= reach) {
      return Error("padding {}+{} is not smaller than a window of {}", pool.window.pads_begin[a],
                   pool.window.pads_end[a], reach);
    }
  }
  pool.count_include_pad = node.Int("count_include_pad", 0) != 0;
  return pool;
}

PoolCell CellAt(const Window& window, std::span<const int64_t> input, int64_t output_at) {
  // One axis at a time, the last first: the offsets so far times the positions of one more axis.
  PoolCell cell{{0}, 1};
  int64_t stride = 1;
  for (int a = window.axes() - 1; a >= 0; --a) {
    const int64_t start = output_at % window.output[a] * window.strides[a] - window.pads_begin[a];
    output_at /= window.output[a];
    // The first k at or behind `edge`, of those that there are.
    const auto reaches = [&](int64_t edge) {
      const int64_t d = window.dilations[a];
      return std::clamp<int64_t>((edge - start + d - 1) / d, 0, window.kernel[a]);
    };
    const int64_t countable = reaches(input[a] + window.pads_end[a]);
    std::vector<int64_t> grown;
    for (int64_t k = reaches(0); k < reaches(input[a]); ++k) {
      const int64_t at = start + k * window.dilations[a];
      for (int64_t offset : cell.offsets) grown.push_back(at * stride + offset);
    }
    cell.offsets = std::move(grown);
    cell.with_padding *= countable;
    stride *= input[a];
  }
  return cell;
}

Status InferGlobalPool(InferContext& context) {
  DEFTNN_RETURN_IF_ERROR(CheckFloat(context, 0));
  Shape shape = context.shape(0);
  if (shape.size() < 2) return Error("expected N x C x spatial inputs, got {}", ToString(shape));
  for (size_t a = 2; a < shape.size(); ++a) {
    if (shape[a] == 0) return Error("can't pool an empty plane: {}", ToString(shape));
    shape[a] = 1;
  }
  context.SetOutput(0, context.type(0), std::move(shape));
  return {};
}

}  // namespace deftnn
