#include "deftnn/runtime/measure_product.h"

#include <algorithm>

#include "deftnn/base/clock.h"
#include "deftnn/base/rng.h"
#include "deftnn/base/tensor.h"
#include "deftnn/ops/synapse_product.h"
#include "deftnn/runtime/packing.h"
#include "deftnn/runtime/roles.h"

namespace deftnn {
namespace {

constexpr int kLeastRuns = 5, kMostRuns = 200;
constexpr double kEnoughMs = 6;

// With one thread its own CPU time, which other processes do not add to; with more, time on the
// wall.
double NowMs(const ThreadPool& pool) {
  return 1e3 * (pool.size() == 1 ? ThreadSeconds() : WallSeconds());
}

std::shared_ptr<std::byte> Room(const Layout& layout) {
  return AllocateAligned(static_cast<size_t>((layout.extent() + kSlack) * BytesOf(layout.format)));
}

}  // namespace

Result<ProductGeometry> GeometryOf(const Graph& graph, const std::vector<ValueInfo>& infos,
                                   const Node& node, Format format) {
  const Shape& x = infos[node.inputs[SynapseProduct::kX]].shape;
  ProductGeometry geometry;
  DEFTNN_ASSIGN_OR_RETURN(geometry.spec,
                          DescribeProduct(node, *graph.Constant(node.inputs[SynapseProduct::kW]),
                                          *graph.Constant(node.inputs[SynapseProduct::kKept]), x));
  gemm::GemmSpec& spec = geometry.spec;
  spec.format = format;
  const bool conv = node.String("kind", "") == "conv";
  Halo halo;
  if (conv) {
    halo = {spec.pad_top, spec.kernel_h * spec.dilation_h, spec.pad_left,
            spec.kernel_w * spec.dilation_w};
  }
  const Form form = conv ? Form::kImage : Form::kRows;
  geometry.input = LayoutOf(form, x, format, halo);
  geometry.output = LayoutOf(form, infos[node.outputs[0]].shape, format);
  spec.contiguous_pixels = geometry.input.channels == spec.channels;
  geometry.input.channels = spec.channels;
  geometry.output.channels = spec.outputs;
  return geometry;
}

double MeasureProductMs(const gemm::GemmSpec& spec, const Layout& input, const Layout& output,
                        Isa isa, ThreadPool& pool, const gemm::Kernel* kernel) {
  Rng rng(1);
  std::vector<float> weights(static_cast<size_t>(spec.outputs) * spec.entries.size());
  for (float& weight : weights) weight = static_cast<float>(rng.Uniform());
  if (kernel == nullptr) kernel = gemm::Select(spec, isa);
  const gemm::BoundProduct bound =
      gemm::Bind(gemm::Pack(spec, weights, {}, *kernel), input, output);
  const auto x = Room(input), y = Room(output);
  const std::byte* x_at = x.get() + input.interior() * BytesOf(input.format);
  std::byte* y_at = y.get() + output.interior() * BytesOf(output.format);
  double best = 1e30;
  const double begin = NowMs(pool);
  for (int run = 0; run < kMostRuns && (run < kLeastRuns || NowMs(pool) - begin < kEnoughMs);
       ++run) {
    const double start = NowMs(pool);
    gemm::Run(bound, x_at, y_at, nullptr, pool);
    best = std::min(best, NowMs(pool) - start);
  }
  return best;
}

}  // namespace deftnn
