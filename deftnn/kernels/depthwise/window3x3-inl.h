// 3x3 windows over DFP16 for 32 channels at a time, for files compiled for AVX512-BF16: what goes
// around a tile of neighbouring output pixels. A Math has kFloats, the floats of a packed block,
// and Tile<pixels, stride>.
#pragma once

#include <immintrin.h>

#include "deftnn/kernels/depthwise/generic-inl.h"
#include "deftnn/kernels/dot-inl.h"

namespace deftnn {
namespace {

constexpr int kBand = 8;  // rows

/// What holds for all tiles of a run. Strides in elements.
struct WindowRun {
  int64_t in_row, in_pixel, out_pixel;
  __m512 low, high;
};

template <class Math, int kPixels, int kStride>
HWY_INLINE void WindowTiles(const WindowRun& run, const uint16_t* from, const float* packed,
                            uint16_t* to, __mmask32 mask, int64_t pixels) {
  for (; pixels >= kPixels; pixels -= kPixels) {
    Math::template Tile<kPixels, kStride>(run, from, packed, to, mask);
    from += kPixels * kStride * run.in_pixel;
    to += kPixels * run.out_pixel;
  }
  if constexpr (kPixels > 1) {
    WindowTiles<Math, kPixels / 2, kStride>(run, from, packed, to, mask, pixels);
  }
}

/// Block by block, so that an input row is still in L1 when the next output row reads it.
template <class Math, int kStride>
HWY_INLINE void WindowBand(const DepthwiseArgs& args, int64_t begin, int64_t end) {
  const Layout &in = args.input.layout, &out = args.output.layout;
  const float infinity = __builtin_inff();
  const bool relu = args.activation.kind == Activation::kRelu;
  const bool clip = args.activation.kind == Activation::kClip;
  const float low = clip ? args.activation.alpha : relu ? 0 : -infinity;
  const float high = clip ? args.activation.beta : infinity;
  const WindowRun run = {in.row_stride, in.pixel_stride, out.pixel_stride, _mm512_set1_ps(low),
                         _mm512_set1_ps(high)};
  const float* packed = args.blocks;
  for (int64_t c = 0; c < out.channels; c += kBlockChannels, packed += Math::kFloats) {
    const int64_t left = out.channels - c;
    const __mmask32 mask = left >= kBlockChannels ? ~__mmask32{0} : (__mmask32{1} << left) - 1;
    for (int64_t row = begin; row < end; ++row) {
      const int64_t n = row / out.height, oh = row % out.height;
      const uint16_t* from = static_cast<const uint16_t*>(args.input.data) + n * in.image_stride +
                             (oh * args.stride_h - args.pad_top) * in.row_stride -
                             args.pad_left * in.pixel_stride + c;
      uint16_t* to =
          static_cast<uint16_t*>(args.output.data) + n * out.image_stride + oh * out.row_stride + c;
      WindowTiles<Math, 7, kStride>(run, from, packed, to, mask, out.width);
    }
  }
}

/// In bands of rows, whose lines the blocks after the first find in L2.
template <class Math, int kStride>
HWY_NOINLINE void WindowRows(const DepthwiseArgs& args, int64_t begin, int64_t end) {
  for (int64_t row = begin; row < end; row += kBand) {
    WindowBand<Math, kStride>(args, row, row + kBand < end ? row + kBand : end);
  }
}

/// Everything else takes the way of AVX-512.
template <class Math>
void DepthwiseWindows(const DepthwiseArgs& args, int64_t begin, int64_t end) {
  const Activation kind = args.activation.kind;
  const bool clamp =
      kind == Activation::kNone || kind == Activation::kRelu || kind == Activation::kClip;
  const bool window = args.kernel_h == 3 && args.kernel_w == 3 && args.dilation_h == 1 &&
                      args.dilation_w == 1 && args.stride_w <= 2;
  const bool formats =
      args.input.layout.format == Format::kDfp16 && args.output.layout.format == Format::kDfp16;
  if (args.blocks == nullptr || args.residual.data != nullptr || !clamp || !window || !formats) {
    return DepthwiseRows(args, begin, end);
  }
  if (args.stride_w == 1) return WindowRows<Math, 1>(args, begin, end);
  WindowRows<Math, 2>(args, begin, end);
}

}  // namespace
}  // namespace deftnn
