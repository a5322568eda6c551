// How long this machine takes for one product: what allocation weighs error against.
#pragma once

#include <map>
#include <span>
#include <vector>

#include "deftnn/base/threads.h"
#include "deftnn/kernels/gemm/gemm.h"
#include "deftnn/ops/op.h"

namespace deftnn {

/// A product of a canonical graph as a kernel sees it, with tensors in `format`.
struct ProductGeometry {
  gemm::GemmSpec spec;   // of one convolution group
  Layout input, output;  // of one convolution group, with room for any padding and overhang
};
Result<ProductGeometry> GeometryOf(const Graph& graph, const std::vector<ValueInfo>& infos,
                                   const Node& node, Format format);

/// The least of several timed runs, in milliseconds, with the kernel that Select picks (or
/// `kernel`). `output` has the product's outputs as channels. Caches are as a previous run of it
/// left them.
double MeasureProductMs(const gemm::GemmSpec& spec, const Layout& input, const Layout& output,
                        Isa isa, ThreadPool& pool, const gemm::Kernel* kernel = nullptr);

/// Times products on one thread so that they can be compared, now and later (calm.h).
class ProductTimer {
 public:
  explicit ProductTimer(Isa isa) : isa_(isa) {}
  /// Milliseconds, with the kernels that Select picks.
  std::vector<double> Measure(std::span<const ProductGeometry> products);

 private:
  std::vector<double> MeasureTogether(std::span<const ProductGeometry> products);

  Isa isa_;
  ThreadPool one_thread_{1};
  std::map<Format, double> calm_gauge_;
};

}  // namespace deftnn
