// The product with constant weights: convolution (implicit, no im2col buffer), Gemm and MatMul,
// dense or with synapse vectors eliminated, one kernel family for all.
//
//   Y[pixel, o] = activation(sum_k W[o, k] * X[window(pixel), k] + bias[o] + residual[pixel, o])
//
// k runs over the kept entries of the collapsed dimension K = (kh * KW + kw) * C + c, in rising
// order. A kernel walks them through a table of byte offsets, one per step (one entry in fp32; two
// neighbouring entries, of which one may carry weight zero, in DFP16): an irregular K costs nothing
// while the steps stay as few. Output channels lie in the vector lanes.
//
//   Pack   spec + weights -> PackedProduct: immutable, independent of batch and image size
//   Bind   PackedProduct + layouts -> BoundProduct: offsets, blocking, split of the work
//   Run    BoundProduct + addresses: no allocation, no lock
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "deftnn/base/activation.h"
#include "deftnn/base/cpu.h"
#include "deftnn/base/memory.h"
#include "deftnn/base/status.h"
#include "deftnn/base/threads.h"
#include "deftnn/kernels/gemm/kernel.h"
#include "deftnn/kernels/view.h"

namespace deftnn::gemm {

/// A row of kernels.inc.
struct Kernel {
  std::string_view name;
  Isa isa;
  Format format;  // of weights and inputs
  Code code;
};

/// A product without its numbers. A matmul is a 1x1 kernel over C = K. Formats of output and
/// residual are free and come from their layouts.
struct GemmSpec {
  int64_t outputs = 0;
  int64_t channels =
      0;  // C: channels of the input view; a grouped convolution is one product a group
  int64_t kernel_h = 1, kernel_w = 1;
  int64_t stride_h = 1, stride_w = 1;
  int64_t dilation_h = 1, dilation_w = 1;
  int64_t pad_top = 0, pad_left = 0;
  std::vector<int64_t> entries;   // kept entries of K, strictly rising; may be empty
  Format format = Format::kFp32;  // of the weights and of the input
  /// The input's pixel_stride will equal `channels`: then neighbours in a kernel row may be paired
  /// across pixels, which saves half the work of DFP16 layers with 1 or 3 channels.
  bool contiguous_pixels = false;
  ActivationSpec activation;

  int64_t full_k() const { return kernel_h * kernel_w * channels; }
};

/// Every kernel of kernels.inc, best ISA first.
std::span<const Kernel> AllKernels();
/// The kernel of that name, or null.
const Kernel* FindKernel(std::string_view name);
/// Kernels that can run `spec` on this CPU with ISAs up to `isa`, best first; never empty.
std::vector<const Kernel*> Candidates(const GemmSpec& spec, Isa isa);
/// Whether products in `format` are taken to matrix tiles on a CPU with `isa`: their kernel reads
/// runs of neighbouring entries as they lie and must copy what is kept elsewhere.
bool HasTileKernel(Isa isa, Format format);
/// Seconds that a kernel takes for the product in question; negative when unknown.
using CostLookup = std::function<double(const Kernel&)>;
/// The candidate with the least known cost, or the first one where no cost is known.
const Kernel* Select(const GemmSpec& spec, Isa isa, const CostLookup& cost = nullptr);

/// Where a K step reads: entries (kh, kw, c) ... (kh, kw, c + group - 1) in memory order. For a
/// kernel of matrix tiles, one entry of a step; kh = -1 where there is none.
struct KStep {
  int16_t kh, kw;
  int32_t c;
};

/// The next multiple of `to`.
inline int64_t RoundUp(int64_t value, int64_t to) { return (value + to - 1) / to * to; }
/// Entries that lie side by side in memory: the channels of one pixel, or a kernel row of touching
/// pixels.
int64_t RunLength(const GemmSpec& spec);
/// Where entry `entry` of the dense K is read.
KStep StepAt(const GemmSpec& spec, int64_t entry);
/// The K steps that cover `entries`: pairs of neighbours for a kernel that takes two. The number of
/// steps is what a product costs.
std::vector<KStep> CoverEntries(const GemmSpec& spec, int group);
/// The steps of a kernel: those of CoverEntries, or of MakeTileTable.
int64_t StepsOf(const GemmSpec& spec, const Code& code);

struct PackedHeader;

/// Weights in a kernel's order, bias and K steps: one relocatable blob.
class PackedProduct {
 public:
  PackedProduct() = default;

  const Kernel& kernel() const { return *kernel_; }
  const PackedHeader& header() const;
  int64_t steps() const;
  int64_t outputs() const;
  /// The whole blob: write it, and Load it again.
  std::span<const std::byte> bytes() const { return bytes_; }

  /// Reads a blob in place (`owner` keeps it alive); copies it once when `bytes` is not aligned
  /// to 64. Refuses another version, a kernel that this build or CPU lacks, and sizes, tables or
  /// geometry that do not fit: no bit of a blob can make a kernel read outside the tensors.
  static Result<PackedProduct> Load(std::span<const std::byte> bytes,
                                    std::shared_ptr<const void> owner);

 private:
  friend PackedProduct Pack(const GemmSpec&, std::span<const float>, std::span<const float>,
                            const Kernel&, MemoryPool*);
  const Kernel* kernel_ = nullptr;
  std::span<const std::byte> bytes_;
  std::shared_ptr<const void> owner_;
};

/// weights: [outputs][entries.size()] row-major; bias: [outputs] or empty. Rounds the weights to
/// the spec's format. `spec` is valid and `kernel` is one of its Candidates (CHECKed). The blob
/// lies in `pool`, or by itself where there is none.
PackedProduct Pack(const GemmSpec& spec, std::span<const float> weights,
                   std::span<const float> bias, const Kernel& kernel, MemoryPool* pool = nullptr);

/// A product bound to layouts: what Run needs, computed once. Immutable; any number of threads may
/// run it at once on different tensors.
class BoundProduct {
 public:
  const Kernel& kernel() const { return packed_.kernel(); }
  /// Bytes of weights, and multiply-adds that the kernel executes: padding of lanes and pairs
  /// included.
  int64_t weight_bytes() const;
  int64_t executed_macs() const;
  /// Whether sharing it out gains more than it costs.
  bool worth_threads() const;
  const Job& job() const { return job_; }

 private:
  friend BoundProduct Bind(PackedProduct, const Layout&, const Layout&, const Layout*);
  friend void RunShare(const BoundProduct&, const void*, void*, const void*, int, int);
  PackedProduct packed_;
  std::vector<int32_t> offsets_;
  std::vector<Chunk> chunks_;
  std::vector<ChunkSource> sources_;
  Job job_;
  int64_t pixels_ = 0;
  bool split_pixels_ = false;
};

/// `in` has halos of zeros that cover the padding, `out` gives the output's height and width, and
/// `residual` (null for none) has the output's shape. CHECKs what a plan must get right: formats,
/// channels, halos, offsets below 2 GiB, contiguous pixels where the spec promised them.
BoundProduct Bind(PackedProduct packed, const Layout& in, const Layout& out,
                  const Layout* residual = nullptr);

/// Addresses are those of pixel (0, 0, 0). Writes exactly `outputs` channels of each pixel. The
/// input may be read where nothing is kept, with weight zero: elsewhere in a pixel's channels or
/// its kernel row, and, where pixels touch, the one element behind them. All must be initialised.
void Run(const BoundProduct& bound, const void* x, void* y, const void* residual, ThreadPool& pool);

/// The share of `worker` in [0, workers): the shares are disjoint and together make one Run, so
/// that a caller can join several products in one parallel region.
void RunShare(const BoundProduct& bound, const void* x, void* y, const void* residual, int worker,
              int workers);

}  // namespace deftnn::gemm
