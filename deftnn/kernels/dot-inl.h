// vdpbf16ps, for files compiled for AVX512-BF16.
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

}  // namespace
}  // namespace deftnn
