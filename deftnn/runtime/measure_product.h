// How long this machine takes for one product: what allocation weighs error against.
#pragma once

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

}  // namespace deftnn
