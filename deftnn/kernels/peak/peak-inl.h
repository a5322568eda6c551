// The measured loops, for vectors of kBytes; included by the per-ISA files only.
#pragma once

#include "deftnn/kernels/peak/loops.h"

namespace deftnn {
namespace {

template <int kBytes>
struct PeakVectors {
  typedef float F __attribute__((vector_size(kBytes), may_alias));
  typedef uint64_t U __attribute__((vector_size(kBytes), may_alias));
};

template <int kBytes>
struct PeakLoop {
  using F = typename PeakVectors<kBytes>::F;
  using U = typename PeakVectors<kBytes>::U;
  static constexpr int kChains = 12;  // more than latency x units everywhere

  // The results must be used, or the compiler drops the loop; their sum, or it keeps them in
  // memory.
  static inline void Keep(const F (&acc)[kChains]) {
    F sum = acc[0];
    _Pragma("GCC unroll 32") for (int i = 1; i < kChains; ++i) sum += acc[i];
    asm volatile("" : : "m"(sum));
  }

  static double Fp32(int64_t rounds) {
    F acc[kChains];
    float scale = 0.999f, shift = 1e-3f;
    asm volatile("" : "+m"(scale), "+m"(shift));
    const F a = scale - F{}, b = shift - F{};
    _Pragma("GCC unroll 32") for (int i = 0; i < kChains; ++i) acc[i] = a + float(i);
    for (int64_t round = 0; round < rounds; ++round) {
      _Pragma("GCC unroll 32") for (int i = 0; i < kChains; ++i) acc[i] = acc[i] * a + b;
    }
    Keep(acc);
    constexpr int kFlops = kChains * (kBytes / 4) * 2;
    return double(rounds) * kFlops;
  }

  static uint64_t Read(const uint8_t* data, int64_t bytes) {
    U sum[8] = {};
    const U* at = reinterpret_cast<const U*>(data);
    const U* const end = reinterpret_cast<const U*>(data + bytes);
    for (; at != end; at += 8) {
      _Pragma("GCC unroll 8") for (int i = 0; i < 8; ++i) sum[i] |= at[i];
    }
    _Pragma("GCC unroll 8") for (int i = 1; i < 8; ++i) sum[0] |= sum[i];
    return sum[0][0];
  }
};

}  // namespace
}  // namespace deftnn
