// CPUs with AMX: 3x3 windows over DFP16 by multiply-adds. Their vdpbf16ps takes as long as four of
// them. The two channels in a word are taken apart by a shift and a mask, so that a vector of 32
// channels is one of the even ones and one of the odd ones.
#include "deftnn/kernels/depthwise/window3x3-inl.h"

namespace deftnn {
namespace {

using Floats = float __attribute__((vector_size(64)));

struct HalvesMath {
  static constexpr int64_t kFloats = kHalvesFloats;

  /// kPixels neighbouring output pixels of one block of channels, `mask` of which exist.
  template <int kPixels, int kStride>
  static HWY_INLINE void Tile(const WindowRun& run, const uint16_t* from, const float* packed,
                              uint16_t* to, __mmask32 mask) {
    constexpr int kColumns = (kPixels - 1) * kStride + 3;
    const __m512i upper = _mm512_set1_epi32(static_cast<int>(0xffff0000u));
    Floats even[kPixels], odd[kPixels];
    Unroll<kPixels>([&](auto p) DEFTNN_INLINE_LAMBDA {
      even[p] = (Floats)_mm512_loadu_ps(packed);
      odd[p] = (Floats)_mm512_loadu_ps(packed + 16);
    });
    packed += 32;
    for (int row = 0; row < 3; ++row, from += run.in_row, packed += 3 * 32) {
      Floats weights[6];
      Unroll<6>([&](auto i) DEFTNN_INLINE_LAMBDA {
        weights[i] = (Floats)_mm512_loadu_ps(packed + i * 16);
      });
      Unroll<kColumns>([&](auto j) DEFTNN_INLINE_LAMBDA {
        const __m512i codes = _mm512_loadu_si512(from + j * run.in_pixel);
        const Floats first = (Floats)_mm512_slli_epi32(codes, 16);
        const Floats second = (Floats)_mm512_and_si512(codes, upper);
        Unroll<kPixels>([&](auto p) DEFTNN_INLINE_LAMBDA {
          constexpr int kTap = j - p * kStride;
          if constexpr (kTap >= 0 && kTap < 3) {
            even[p] += first * weights[2 * kTap];
            odd[p] += second * weights[2 * kTap + 1];
          }
        });
      });
    }
    // Word 2 i is the even channel's, i of the lower 16; word 2 i + 1 the odd one's.
    alignas(64) static constexpr uint16_t kOrder[32] = {0,  16, 1,  17, 2,  18, 3,  19, 4,  20, 5,
                                                        21, 6,  22, 7,  23, 8,  24, 9,  25, 10, 26,
                                                        11, 27, 12, 28, 13, 29, 14, 30, 15, 31};
    const __m512i order = _mm512_load_si512(kOrder);
    Unroll<kPixels>([&](auto p) DEFTNN_INLINE_LAMBDA {
      const __m512i codes = _mm512_permutexvar_epi16(
          order, ClampedCodes((__m512)even[p], (__m512)odd[p], run.low, run.high));
      _mm512_mask_storeu_epi16(to + p * run.out_pixel, mask, codes);
    });
  }
};

}  // namespace

extern const DepthwiseKernel kDepthwiseAmxBf16;
const DepthwiseKernel kDepthwiseAmxBf16 = {Isa::kAmxBf16, HWY_TARGET, DepthwisePacking::kHalves,
                                           DepthwiseWindows<HalvesMath>};

}  // namespace deftnn
