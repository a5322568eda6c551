// AVX512-BF16: vdpbf16ps multiplies a pair of DFP16 numbers a lane and adds to float32. Subnormal
// inputs and results count as zero in that instruction.
#include <immintrin.h>

#include "deftnn/kernels/dot-inl.h"
#include "deftnn/kernels/gemm/generic-inl.h"

namespace deftnn::gemm {
namespace {

// Two vectors become one of codes in one instruction, which flushes subnormal numbers to zero.
struct DotRow : OwnRow<16, true> {
  template <int kVectors>
  static DEFTNN_INLINE void Store(uint8_t* y, const F (&acc)[kVectors], Tail tail) {
    DEFTNN_UNROLL for (int v = 0; v + 1 < kVectors; v += 2) {
      const __m512i codes = (__m512i)_mm512_cvtne2ps_pbh((__m512)acc[v + 1], (__m512)acc[v]);
      if (v + 2 < kVectors) {
        _mm512_storeu_si512(y + v * 32, codes);
      } else {
        _mm512_mask_storeu_epi16(y + v * 32, (__mmask32{tail} << 16) | 0xffffu, codes);
      }
    }
    if constexpr (kVectors % 2 == 1) {
      const __m256i codes = (__m256i)_mm512_cvtneps_pbh((__m512)acc[kVectors - 1]);
      _mm256_mask_storeu_epi16(y + (kVectors - 1) * 32, tail, codes);
    }
  }
};

struct DotMath {
  static constexpr int kLanes = 16, kGroup = 2;
  static constexpr int kStepBytes = kLanes * 4;
  using F = Vectors<kLanes>::F;
  using U = Vectors<kLanes>::U;
  using ULoad = Vectors<kLanes>::ULoad;
  using Row = DotRow;

  template <int kPixels, int kVectors>
  static DEFTNN_INLINE void Step(F (&acc)[kPixels][kVectors], const uint8_t* const (&x)[kPixels],
                                 int64_t offset, const uint8_t* w) {
    U weight[kVectors];
    DEFTNN_UNROLL for (int v = 0; v < kVectors; ++v) {
      weight[v] = *reinterpret_cast<const ULoad*>(w + v * kStepBytes);
    }
    DEFTNN_UNROLL for (int p = 0; p < kPixels; ++p) {
      const U pair = LoadWord(x[p] + offset) + U{};
      DEFTNN_UNROLL for (int v = 0; v < kVectors; ++v) { DotPairs(acc[p][v], weight[v], pair); }
    }
  }
};

}  // namespace

extern const Code kAvx512Bf16Dfp16;
const Code kAvx512Bf16Dfp16 = Runner<DotMath, 24, 12, 8, 6>::MakeCode();

}  // namespace deftnn::gemm
