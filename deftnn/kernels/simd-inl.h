// Vectors of floats for the target that the including file is compiled for, loaded from and stored
// to any format. A file that includes this holds one instruction set, keeps what it defines in an
// anonymous namespace and calls no inline function of another header: the linker would merge it
// with the copy that other files compiled for a lower instruction set, or the reverse.
#pragma once

// For plain x86-64 Highway offers four emulated lanes, which compilers turn into SSE2, but under
// GCC before 12.3 only one lane, because of a bug with the upper half of integer products (GCC PR
// 106322). No kernel computes those.
#define HWY_BROKEN_EMU128 0
#include <hwy/highway.h>

#include <cstddef>
#include <cstdint>

#include "deftnn/ndf/formats/dfp16-inl.h"

namespace deftnn {
namespace {

namespace hn = hwy::HWY_NAMESPACE;

/// 16 lanes or the target's whole vector, whichever is less.
using FloatTag = hn::CappedTag<float, 16>;
using FloatVector = hn::Vec<FloatTag>;
constexpr int64_t kLanes = static_cast<int64_t>(hn::MaxLanes(FloatTag()));
/// Four lanes, one 128-bit block: the unit of transposes.
using Float4Tag = hn::FixedTag<float, 4>;

#if HWY_TARGET <= HWY_AVX3 && HWY_ARCH_X86
constexpr bool kMasks16 = true;  // masked loads and stores of 16-bit elements that never fault
#else
constexpr bool kMasks16 = false;
#endif
#if HWY_TARGET <= HWY_AVX2 && HWY_ARCH_X86
constexpr bool kMasks32 = true;
#else
constexpr bool kMasks32 = false;
#endif

/// An index known when compiling.
template <int kIndex>
struct Constant {
  constexpr operator int() const { return kIndex; }
};
/// function(Constant<0>()), ..., function(Constant<kCount - 1>()). For loops over arrays of
/// vectors: with an index that is known from the start, compilers keep the array in registers.
template <int kCount, int kIndex = 0, class Function>
HWY_INLINE void Unroll(Function&& function) {
  if constexpr (kIndex < kCount) {
    function(Constant<kIndex>());
    Unroll<kCount, kIndex + 1>(function);
  }
}
#define DEFTNN_INLINE_LAMBDA __attribute__((always_inline))

template <class D>
HWY_INLINE hn::Vec<D> LoadFloats(D d, const float* from) {
  return hn::LoadU(d, from);
}
template <class D>
HWY_INLINE hn::Vec<D> LoadFloats(D d, const uint16_t* from) {
  return DecodeDfp16(d, hn::LoadU(hn::Rebind<uint16_t, D>(), from));
}
template <class D>
HWY_INLINE void StoreFloats(D d, hn::Vec<D> value, float* to) {
  hn::StoreU(value, d, to);
}
template <class D>
HWY_INLINE void StoreFloats(D d, hn::Vec<D> value, uint16_t* to) {
  hn::StoreU(EncodeDfp16(d, value), hn::Rebind<uint16_t, D>(), to);
}

/// max(a, x) and min(a, x), and x where x is NaN; `a` is no NaN.
HWY_INLINE FloatVector MaxKeepNan(FloatVector a, FloatVector x) {
#if HWY_ARCH_X86 && HWY_TARGET <= HWY_SSSE3
  return hn::Max(a, x);  // x86 gives the second operand when either is NaN
#else
  return hn::IfThenElse(hn::Lt(x, a), a, x);
#endif
}
HWY_INLINE FloatVector MinKeepNan(FloatVector a, FloatVector x) {
#if HWY_ARCH_X86 && HWY_TARGET <= HWY_SSSE3
  return hn::Min(a, x);
#else
  return hn::IfThenElse(hn::Gt(x, a), a, x);
#endif
}

/// The first `count` lanes, 0 <= count <= Lanes(d); the rest are zero and their memory is not
/// touched.
template <class D>
HWY_INLINE hn::Vec<D> LoadPart(D d, const float* from, int64_t count) {
  if constexpr (kMasks32) {
    return hn::MaskedLoad(hn::FirstN(d, static_cast<size_t>(count)), d, from);
  } else {
    HWY_ALIGN float buffer[hn::MaxLanes(D())] = {};
    for (int64_t i = 0; i < count; ++i) buffer[i] = from[i];
    return hn::Load(d, buffer);
  }
}
template <class D>
HWY_INLINE hn::Vec<D> LoadPart(D d, const uint16_t* from, int64_t count) {
  const hn::Rebind<uint16_t, D> d16;
  if constexpr (kMasks16) {
    return DecodeDfp16(d, hn::MaskedLoad(hn::FirstN(d16, static_cast<size_t>(count)), d16, from));
  } else {
    HWY_ALIGN uint16_t buffer[hn::MaxLanes(D())] = {};
    for (int64_t i = 0; i < count; ++i) buffer[i] = from[i];
    return DecodeDfp16(d, hn::Load(d16, buffer));
  }
}

template <class D>
HWY_INLINE void StorePart(D d, hn::Vec<D> value, float* to, int64_t count) {
  if constexpr (kMasks32) {
    hn::BlendedStore(value, hn::FirstN(d, static_cast<size_t>(count)), d, to);
  } else {
    HWY_ALIGN float buffer[hn::MaxLanes(D())];
    hn::Store(value, d, buffer);
    for (int64_t i = 0; i < count; ++i) to[i] = buffer[i];
  }
}
template <class D>
HWY_INLINE void StorePart(D d, hn::Vec<D> value, uint16_t* to, int64_t count) {
  const hn::Rebind<uint16_t, D> d16;
  if constexpr (kMasks16) {
    hn::BlendedStore(EncodeDfp16(d, value), hn::FirstN(d16, static_cast<size_t>(count)), d16, to);
  } else {
    HWY_ALIGN uint16_t buffer[hn::MaxLanes(D())];
    hn::Store(EncodeDfp16(d, value), d16, buffer);
    for (int64_t i = 0; i < count; ++i) to[i] = buffer[i];
  }
}

}  // namespace
}  // namespace deftnn
