#include "deftnn/kernels/depthwise/depthwise.h"

#include <algorithm>
#include <bit>

#include "deftnn/base/check.h"
#include "deftnn/kernels/select.h"

namespace deftnn {

#define DEFTNN_DEPTHWISE(name) extern const DepthwiseKernel kDepthwise##name;
#include "deftnn/kernels/depthwise/depthwise.inc"
#undef DEFTNN_DEPTHWISE

namespace {

const DepthwiseKernel* const kKernels[] = {
#define DEFTNN_DEPTHWISE(name) &kDepthwise##name,
#include "deftnn/kernels/depthwise/depthwise.inc"
#undef DEFTNN_DEPTHWISE
};

int64_t Padded(int64_t channels) { return (channels + 15) / 16 * 16; }

/// The halo holds every position that the window reads along one axis.
bool Reaches(int64_t outputs, int64_t stride, int64_t kernel, int64_t dilation, int64_t pad,
             int64_t extent, int64_t before, int64_t after) {
  const int64_t last = (outputs - 1) * stride - pad + (kernel - 1) * dilation;
  return pad <= before && last < extent + after;
}

int64_t FloatsOf(DepthwisePacking packing) {
  switch (packing) {
    case DepthwisePacking::kNone:
      return 0;
    case DepthwisePacking::kPairs:
      return kPairsFloats;
    case DepthwisePacking::kHalves:
      return kHalvesFloats;
  }
  return 0;
}

// One channel of a block.
void PackPairs(const float* weights, float bias, int64_t c, float* block) {
  const auto code = [](float weight) { return std::bit_cast<uint32_t>(weight) >> 16; };
  // Of each eight channels four go into either vector.
  float* const at = block + c % 8 / 4 * 16 + c / 8 * 4 + c % 4;
  at[0] = bias;
  for (int64_t column = 0; column < 3; ++column) {
    const float* tap = weights + column;
    at[(2 + 4 * column) * 16] = std::bit_cast<float>(code(tap[0]) | code(tap[3]) << 16);
    at[(4 + 4 * column) * 16] = std::bit_cast<float>(code(tap[6]));
  }
}

void PackHalves(const float* weights, float bias, int64_t c, float* block) {
  float* const at = block + c % 2 * 16 + c / 2;
  at[0] = bias;
  for (int64_t tap = 0; tap < 9; ++tap) at[(1 + tap) * 32] = weights[tap];
}

}  // namespace

int64_t PackedDepthwiseSize(int64_t channels, int64_t kernel_h, int64_t kernel_w) {
  return (kernel_h * kernel_w + 1) * Padded(channels);
}

void PackDepthwise(const float* weights, const float* bias, int64_t channels, int64_t kernel_h,
                   int64_t kernel_w, float* packed) {
  const int64_t taps = kernel_h * kernel_w, step = Padded(channels);
  std::fill_n(packed, (taps + 1) * step, 0.0f);
  for (int64_t c = 0; c < channels; ++c) {
    for (int64_t tap = 0; tap < taps; ++tap) packed[tap * step + c] = weights[c * taps + tap];
    if (bias != nullptr) packed[taps * step + c] = bias[c];
  }
}

int64_t PackedDepthwise3x3Size(DepthwisePacking packing, int64_t channels) {
  return (channels + kBlockChannels - 1) / kBlockChannels * FloatsOf(packing);
}

void PackDepthwise3x3(DepthwisePacking packing, const float* weights, const float* bias,
                      int64_t channels, float* packed) {
  if (packing == DepthwisePacking::kNone) return;
  std::fill_n(packed, PackedDepthwise3x3Size(packing, channels), 0.0f);
  for (int64_t c = 0; c < channels; ++c) {
    float* const block = packed + c / kBlockChannels * FloatsOf(packing);
    const float first = bias != nullptr ? bias[c] : 0;
    if (packing == DepthwisePacking::kPairs) {
      PackPairs(weights + c * 9, first, c % kBlockChannels, block);
    } else {
      PackHalves(weights + c * 9, first, c % kBlockChannels, block);
    }
  }
}

const DepthwiseKernel& SelectDepthwise(Isa isa) { return HighestAtMost(kKernels, isa); }

void RunDepthwise(const DepthwiseKernel& kernel, const DepthwiseArgs& args, ThreadPool& pool) {
  const Layout& in = args.input.layout;
  const Layout& out = args.output.layout;
  DEFTNN_CHECK(in.batch == out.batch && in.channels == out.channels);
  DEFTNN_CHECK(Reaches(out.height, args.stride_h, args.kernel_h, args.dilation_h, args.pad_top,
                       in.height, in.halo_top, in.halo_bottom));
  DEFTNN_CHECK(Reaches(out.width, args.stride_w, args.kernel_w, args.dilation_w, args.pad_left,
                       in.width, in.halo_left, in.halo_right));
  ForRange(pool, out.batch * out.height,
           out.pixels() * out.channels * args.kernel_h * args.kernel_w,
           [&](int64_t begin, int64_t end) { kernel.run(args, begin, end); });
}

}  // namespace deftnn
