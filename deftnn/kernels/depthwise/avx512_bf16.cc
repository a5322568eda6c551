// AVX512-BF16: 3x3 windows over DFP16, two rows of the window a dot instruction. Interleaving two
// rows' vectors pairs each channel's upper neighbour with its lower one; 32 channels are two
// vectors of sums. Everything else takes the way of AVX-512.
#include <immintrin.h>

#include "deftnn/kernels/depthwise/generic-inl.h"
#include "deftnn/kernels/dot-inl.h"

namespace deftnn {
namespace {

constexpr int kBand = 8;  // rows

using Dots = float __attribute__((vector_size(64)));

/// What holds for all tiles of a run. Strides in elements.
struct DotRun {
  int64_t in_row, in_pixel, out_pixel;
  __m512 low, high;
};

/// kPixels neighbouring output pixels of one block of channels, `mask` of which exist.
template <int kPixels, int kStride>
HWY_INLINE void DotTile(const DotRun& run, const uint16_t* from, const float* packed, uint16_t* to,
                        __mmask32 mask) {
  constexpr int kColumns = (kPixels - 1) * kStride + 3;
  const __m512i zero = _mm512_setzero_si512();
  Dots low[kPixels], high[kPixels];
  Unroll<kPixels>([&](auto p) DEFTNN_INLINE_LAMBDA {
    low[p] = (Dots)_mm512_loadu_ps(packed);
    high[p] = (Dots)_mm512_loadu_ps(packed + 16);
  });
  const auto weight = [&](int vector)
                          DEFTNN_INLINE_LAMBDA { return _mm512_loadu_si512(packed + vector * 16); };
  Unroll<kColumns>([&](auto j) DEFTNN_INLINE_LAMBDA {
    const uint16_t* at = from + j * run.in_pixel;
    const __m512i first = _mm512_loadu_si512(at), second = _mm512_loadu_si512(at + run.in_row),
                  third = _mm512_loadu_si512(at + 2 * run.in_row);
    const __m512i low_pair = _mm512_unpacklo_epi16(first, second),
                  high_pair = _mm512_unpackhi_epi16(first, second),
                  low_last = _mm512_unpacklo_epi16(third, zero),
                  high_last = _mm512_unpackhi_epi16(third, zero);
    Unroll<kPixels>([&](auto p) DEFTNN_INLINE_LAMBDA {
      constexpr int kTap = j - p * kStride;
      if constexpr (kTap >= 0 && kTap < 3) {
        DotPairs(low[p], weight(2 + 4 * kTap), low_pair);
        DotPairs(high[p], weight(3 + 4 * kTap), high_pair);
        DotPairs(low[p], weight(4 + 4 * kTap), low_last);
        DotPairs(high[p], weight(5 + 4 * kTap), high_last);
      }
    });
  });
  const __m512i order = _mm512_setr_epi64(0, 4, 1, 5, 2, 6, 3, 7);
  Unroll<kPixels>([&](auto p) DEFTNN_INLINE_LAMBDA {
    // The second operand is the result where either is NaN.
    const __m512 a = _mm512_min_ps(run.high, _mm512_max_ps(run.low, (__m512)low[p]));
    const __m512 b = _mm512_min_ps(run.high, _mm512_max_ps(run.low, (__m512)high[p]));
    const __m512i codes = _mm512_permutexvar_epi64(order, (__m512i)_mm512_cvtne2ps_pbh(b, a));
    _mm512_mask_storeu_epi16(to + p * run.out_pixel, mask, codes);
  });
}

template <int kPixels, int kStride>
HWY_INLINE void DotTiles(const DotRun& run, const uint16_t* from, const float* packed, uint16_t* to,
                         __mmask32 mask, int64_t pixels) {
  for (; pixels >= kPixels; pixels -= kPixels) {
    DotTile<kPixels, kStride>(run, from, packed, to, mask);
    from += kPixels * kStride * run.in_pixel;
    to += kPixels * run.out_pixel;
  }
  if constexpr (kPixels > 1) {
    DotTiles<kPixels / 2, kStride>(run, from, packed, to, mask, pixels);
  }
}

/// Block by block, so that an input row is still in L1 when the next output row reads it.
template <int kStride>
HWY_INLINE void DotBand(const DepthwiseArgs& args, int64_t begin, int64_t end) {
  const Layout &in = args.input.layout, &out = args.output.layout;
  const float infinity = __builtin_inff();
  const bool relu = args.activation.kind == Activation::kRelu;
  const bool clip = args.activation.kind == Activation::kClip;
  const float low = clip ? args.activation.alpha : relu ? 0 : -infinity;
  const float high = clip ? args.activation.beta : infinity;
  const DotRun run = {in.row_stride, in.pixel_stride, out.pixel_stride, _mm512_set1_ps(low),
                      _mm512_set1_ps(high)};
  const float* packed = args.pairs;
  for (int64_t c = 0; c < out.channels; c += kPairsChannels, packed += kPairsFloats) {
    const int64_t left = out.channels - c;
    const __mmask32 mask = left >= kPairsChannels ? ~__mmask32{0} : (__mmask32{1} << left) - 1;
    for (int64_t row = begin; row < end; ++row) {
      const int64_t n = row / out.height, oh = row % out.height;
      const uint16_t* from = static_cast<const uint16_t*>(args.input.data) + n * in.image_stride +
                             (oh * args.stride_h - args.pad_top) * in.row_stride -
                             args.pad_left * in.pixel_stride + c;
      uint16_t* to =
          static_cast<uint16_t*>(args.output.data) + n * out.image_stride + oh * out.row_stride + c;
      DotTiles<7, kStride>(run, from, packed, to, mask, out.width);
    }
  }
}

/// In bands of rows, whose lines the blocks after the first find in L2.
template <int kStride>
HWY_NOINLINE void DotRows(const DepthwiseArgs& args, int64_t begin, int64_t end) {
  for (int64_t row = begin; row < end; row += kBand) {
    DotBand<kStride>(args, row, row + kBand < end ? row + kBand : end);
  }
}

void DepthwiseRowsBf16(const DepthwiseArgs& args, int64_t begin, int64_t end) {
  const Activation kind = args.activation.kind;
  const bool clamp =
      kind == Activation::kNone || kind == Activation::kRelu || kind == Activation::kClip;
  const bool window = args.kernel_h == 3 && args.kernel_w == 3 && args.dilation_h == 1 &&
                      args.dilation_w == 1 && args.stride_w <= 2;
  const bool formats =
      args.input.layout.format == Format::kDfp16 && args.output.layout.format == Format::kDfp16;
  if (args.pairs == nullptr || args.residual.data != nullptr || !clamp || !window || !formats) {
    return DepthwiseRows(args, begin, end);
  }
  if (args.stride_w == 1) return DotRows<1>(args, begin, end);
  DotRows<2>(args, begin, end);
}

}  // namespace

extern const DepthwiseKernel kDepthwiseAvx512Bf16;
const DepthwiseKernel kDepthwiseAvx512Bf16 = {Isa::kAvx512Bf16, HWY_TARGET, DepthwiseRowsBf16};

}  // namespace deftnn
