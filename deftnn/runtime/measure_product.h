// How long this machine takes for one product: what allocation weighs error against.
#pragma once

#include "deftnn/base/threads.h"
#include "deftnn/kernels/gemm/gemm.h"

namespace deftnn {

/// The least of several timed runs, in milliseconds, with the kernel that Select picks (or
/// `kernel`). `output` has the product's outputs as channels. Caches are as a previous run of it
/// left them.
double MeasureProductMs(const gemm::GemmSpec& spec, const Layout& input, const Layout& output,
                        Isa isa, ThreadPool& pool, const gemm::Kernel* kernel = nullptr);

}  // namespace deftnn
