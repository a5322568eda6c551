// AVX512-BF16: 3x3 windows over DFP16, two rows of the window a dot instruction. Interleaving two
// rows' vectors pairs each channel's upper neighbour with its lower one; 32 channels are two
// vectors of sums.
#include "deftnn/kernels/depthwise/window3x3-inl.h"
#include "deftnn/kernels/dot-inl.h"

namespace deftnn {
namespace {

using Dots = float __attribute__((vector_size(64)));

struct DotMath {
  static constexpr int64_t kFloats = kPairsFloats;

  /// kPixels neighbouring output pixels of one block of channels, `mask` of which exist.
  template <int kPixels, int kStride>
  static HWY_INLINE void Tile(const WindowRun& run, const uint16_t* from, const float* packed,
                              uint16_t* to, __mmask32 mask) {
    constexpr int kColumns = (kPixels - 1) * kStride + 3;
    const __m512i zero = _mm512_setzero_si512();
    Dots low[kPixels], high[kPixels];
    Unroll<kPixels>([&](auto p) DEFTNN_INLINE_LAMBDA {
      low[p] = (Dots)_mm512_loadu_ps(packed);
      high[p] = (Dots)_mm512_loadu_ps(packed + 16);
    });
    const auto weight = [&](int vector) DEFTNN_INLINE_LAMBDA {
      return _mm512_loadu_si512(packed + vector * 16);
    };
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
      const __m512i codes = _mm512_permutexvar_epi64(
          order, ClampedCodes((__m512)low[p], (__m512)high[p], run.low, run.high));
      _mm512_mask_storeu_epi16(to + p * run.out_pixel, mask, codes);
    });
  }
};

}  // namespace

extern const DepthwiseKernel kDepthwiseAvx512Bf16;
const DepthwiseKernel kDepthwiseAvx512Bf16 = {Isa::kAvx512Bf16, HWY_TARGET,
                                              DepthwisePacking::kPairs, DepthwiseWindows<DotMath>};

}  // namespace deftnn
