#include "deftnn/runtime/measure_product.h"

#include <algorithm>
#include <numeric>

#include "deftnn/base/clock.h"
#include "deftnn/base/tensor.h"
#include "deftnn/ops/synapse_product.h"
#include "deftnn/runtime/calm.h"
#include "deftnn/runtime/packing.h"
#include "deftnn/runtime/roles.h"

namespace deftnn {
namespace {

// With one thread its own CPU time, which other processes do not add to; with more, time on the
// wall.
double NowMs(const ThreadPool& pool) {
  return 1e3 * (pool.size() == 1 ? ThreadSeconds() : WallSeconds());
}

// How often a product is run at a time: the least of that counts.
struct Runs {
  int least, most;
  double enough_ms;
};
constexpr Runs kAlone = {5, 200, 6}, kInTurns = {3, 200, 1}, kGaugeRuns = {3, 3, 0};
// Of weights and tensors that are measured in turns.
constexpr double kMostBytes = 256e6;

std::shared_ptr<std::byte> Room(const Layout& layout) {
  return AllocateAligned(static_cast<size_t>((layout.extent() + kSlack) * BytesOf(layout.format)));
}

// A product with weights and tensors of its own.
class Prepared {
 public:
  Prepared(const gemm::GemmSpec& spec, const Layout& input, const Layout& output,
           const gemm::Kernel& kernel) {
    const std::vector<float> weights(static_cast<size_t>(spec.outputs) * spec.entries.size(), 0.5F);
    bound_ = gemm::Bind(gemm::Pack(spec, weights, {}, kernel), input, output);
    x_ = Room(input);
    y_ = Room(output);
    x_at_ = x_.get() + input.interior() * BytesOf(input.format);
    y_at_ = y_.get() + output.interior() * BytesOf(output.format);
  }

  double LeastMs(const Runs& runs, ThreadPool& pool) const {
    double best = 1e30;
    const double begin = NowMs(pool);
    for (int run = 0; run < runs.most && (run < runs.least || NowMs(pool) - begin < runs.enough_ms);
         ++run) {
      const double start = NowMs(pool);
      gemm::Run(bound_, x_at_, y_at_, nullptr, pool);
      best = std::min(best, NowMs(pool) - start);
    }
    return best;
  }

 private:
  gemm::BoundProduct bound_;
  std::shared_ptr<std::byte> x_, y_;
  const std::byte* x_at_ = nullptr;
  std::byte* y_at_ = nullptr;
};

// 64 rows of 576 entries onto 64 outputs: some microseconds, within L2.
Prepared Gauge(Format format, Isa isa) {
  gemm::GemmSpec spec;
  spec.outputs = 64;
  spec.channels = 576;
  spec.entries.resize(576);
  std::iota(spec.entries.begin(), spec.entries.end(), 0);
  spec.format = format;
  spec.contiguous_pixels = true;
  return Prepared(spec, LayoutOf(Form::kRows, {64, 576}, format),
                  LayoutOf(Form::kRows, {64, 64}, format), *gemm::Select(spec, isa));
}

double BytesOf(const ProductGeometry& product) {
  const auto of = [](const Layout& layout) {
    return static_cast<double>(layout.extent()) * deftnn::BytesOf(layout.format);
  };
  return of(product.input) + of(product.output) +
         static_cast<double>(product.spec.outputs * product.spec.entries.size()) *
             deftnn::BytesOf(product.spec.format);
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
  if (kernel == nullptr) kernel = gemm::Select(spec, isa);
  return Prepared(spec, input, output, *kernel).LeastMs(kAlone, pool);
}

std::vector<double> ProductTimer::Measure(std::span<const ProductGeometry> products) {
  std::vector<double> times;
  while (times.size() < products.size()) {
    const Format format = products[times.size()].spec.format;
    size_t count = 0;
    double bytes = 0;
    for (const ProductGeometry& product : products.subspan(times.size())) {
      bytes += BytesOf(product);
      if (product.spec.format != format || (count > 0 && bytes > kMostBytes)) break;
      ++count;
    }
    const std::vector<double> some = MeasureTogether(products.subspan(times.size(), count));
    times.insert(times.end(), some.begin(), some.end());
  }
  return times;
}

std::vector<double> ProductTimer::MeasureTogether(std::span<const ProductGeometry> products) {
  std::vector<Prepared> prepared;
  for (const ProductGeometry& product : products) {
    prepared.emplace_back(product.spec, product.input, product.output,
                          *gemm::Select(product.spec, isa_));
  }
  std::vector<Measurement> measurements;
  for (const Prepared& one : prepared)
    measurements.push_back([&one, this] { return one.LeastMs(kInTurns, one_thread_); });
  const Format format = products.front().spec.format;
  const Prepared gauge = Gauge(format, isa_);
  return MeasureCalmly(
      measurements, [&] { return gauge.LeastMs(kGaugeRuns, one_thread_); }, calm_gauge_[format]);
}

}  // namespace deftnn
