// Peak loops of avx512_bf16: as avx512, and vdpbf16ps.
#include <immintrin.h>

#include "deftnn/kernels/dot-inl.h"
#include "deftnn/kernels/peak/peak-inl.h"

namespace deftnn {
namespace {

double Dot(int64_t rounds) {
  using Loop = PeakLoop<64>;
  constexpr int kChains = Loop::kChains;
  Loop::F acc[kChains];
  uint32_t pair = 0x3c003c00;
  asm volatile("" : "+m"(pair));
  const __m512i pairs = _mm512_set1_epi32(static_cast<int>(pair));
  _Pragma("GCC unroll 32") for (int i = 0; i < kChains; ++i) acc[i] = Loop::F{} + float(i);
  for (int64_t round = 0; round < rounds; ++round) {
    _Pragma("GCC unroll 32") for (int i = 0; i < kChains; ++i) { DotPairs(acc[i], pairs, pairs); }
  }
  Loop::Keep(acc);
  return double(rounds) * kChains * 16 * 4;
}

}  // namespace

extern const PeakLoops kPeakAvx512Bf16;
const PeakLoops kPeakAvx512Bf16 = {PeakLoop<64>::Fp32, Dot, PeakLoop<64>::Read};

}  // namespace deftnn
