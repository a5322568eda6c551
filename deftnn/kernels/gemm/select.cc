// Which kernel runs a product.
#include <algorithm>

#include "deftnn/kernels/gemm/gemm.h"

namespace deftnn::gemm {

#define DEFTNN_GEMM_KERNEL(symbol, name, isa, format) extern const Code k##symbol;
#include "deftnn/kernels/gemm/kernels.inc"
#undef DEFTNN_GEMM_KERNEL

std::span<const Kernel> AllKernels() {
  static const Kernel kernels[] = {
#define DEFTNN_GEMM_KERNEL(symbol, name, isa, format) {name, isa, format, k##symbol},
#include "deftnn/kernels/gemm/kernels.inc"
#undef DEFTNN_GEMM_KERNEL
  };
  return kernels;
}

const Kernel* FindKernel(std::string_view name) {
  for (const Kernel& kernel : AllKernels()) {
    if (kernel.name == name) return &kernel;
  }
  return nullptr;
}

namespace {

// Tiles of 16 outputs by 32 entries only pay where the product fills some of them.
bool Suits(const Kernel& kernel, const GemmSpec& spec) {
  return kernel.isa != Isa::kAmxBf16 || (spec.outputs >= 4 && spec.entries.size() >= 8);
}

}  // namespace

std::vector<const Kernel*> Candidates(const GemmSpec& spec, Isa isa) {
  std::vector<const Kernel*> candidates;
  for (const Kernel& kernel : AllKernels()) {
    if (kernel.format == spec.format && kernel.isa <= isa && Supports(kernel.isa) &&
        Suits(kernel, spec)) {
      candidates.push_back(&kernel);
    }
  }
  DEFTNN_CHECK(!candidates.empty());
  return candidates;
}

bool HasTileKernel(Isa isa, Format format) {
  return std::ranges::any_of(AllKernels(), [&](const Kernel& kernel) {
    return kernel.isa <= isa && Supports(kernel.isa) && kernel.format == format &&
           kernel.code.tile_steps > 1;
  });
}

const Kernel* Select(const GemmSpec& spec, Isa isa, const CostLookup& cost) {
  const std::vector<const Kernel*> candidates = Candidates(spec, isa);
  if (cost == nullptr) return candidates.front();
  const Kernel* best = nullptr;
  double least = 0;
  for (const Kernel* kernel : candidates) {
    const double seconds = cost(*kernel);
    if (seconds >= 0 && (best == nullptr || seconds < least)) {
      best = kernel;
      least = seconds;
    }
  }
  return best != nullptr ? best : candidates.front();
}

}  // namespace deftnn::gemm
