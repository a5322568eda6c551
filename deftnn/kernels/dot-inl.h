// vdpbf16ps and rounding to DFP16, for files compiled for AVX512-BF16.
#pragma once

#include <immintrin.h>

namespace deftnn {
namespace {

/// sum += weight . pair in each of 16 lanes: pairs of DFP16 numbers, added to float32. F is a
/// vector of 16 floats of the caller's own kind, Pairs one of 64 bytes.
template <class F, class Pairs>
inline __attribute__((always_inline)) void DotPairs(F& sum, Pairs weight, Pairs pair) {
#if defined(__clang__)
  // The intrinsic's bfloat vectors send clang 16 into an endless recursion.
  asm("vdpbf16ps %2, %1, %0" : "+v"(sum) : "v"(weight), "v"(pair));
#else
  // An asm statement would keep arrays of sums in memory under GCC 12.
  sum = (F)_mm512_dpbf16_ps((__m512)sum, (__m512bh)weight, (__m512bh)pair);
#endif
}

/// The codes of `a`, then those of `b`, clamped; NaN stays NaN, for the second operand is the
/// result where either is NaN. Without has_high, `high` is not looked at.
inline __attribute__((always_inline)) __m512i ClampedCodes(__m512 a, __m512 b, __m512 low,
                                                           __m512 high, bool has_high = true) {
  a = _mm512_max_ps(low, a);
  b = _mm512_max_ps(low, b);
  if (has_high) {
    a = _mm512_min_ps(high, a);
    b = _mm512_min_ps(high, b);
  }
  return (__m512i)_mm512_cvtne2ps_pbh(b, a);
}

}  // namespace
}  // namespace deftnn
