// Peak loops of avx512_bf16: as avx512, and vdpbf16ps.
#include "deftnn/kernels/peak/peak-inl.h"

namespace deftnn {
namespace {

typedef uint32_t Pairs __attribute__((vector_size(64)));

// The instruction by name: its intrinsic sends clang 16 into an endless recursion.
double Dot(int64_t rounds) {
  using Loop = PeakLoop<64>;
  constexpr int kChains = Loop::kChains;
  Loop::F acc[kChains];
  uint32_t pair = 0x3c003c00;
  asm volatile("" : "+m"(pair));
  const Pairs pairs = pair - Pairs{};
  _Pragma("GCC unroll 32") for (int i = 0; i < kChains; ++i) acc[i] = Loop::F{} + float(i);
  for (int64_t round = 0; round < rounds; ++round) {
    _Pragma("GCC unroll 32") for (int i = 0; i < kChains; ++i) {
      asm("vdpbf16ps %1, %1, %0" : "+v"(acc[i]) : "v"(pairs));
    }
  }
  _Pragma("GCC unroll 32") for (int i = 0; i < kChains; ++i) Loop::Keep(acc[i]);
  return double(rounds) * kChains * 16 * 4;
}

}  // namespace

extern const PeakLoops kPeakAvx512Bf16;
const PeakLoops kPeakAvx512Bf16 = {PeakLoop<64>::Fp32, Dot, PeakLoop<64>::Read};

}  // namespace deftnn
