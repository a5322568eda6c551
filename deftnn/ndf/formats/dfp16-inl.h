// DFP16 in vectors, for the target that the including file is compiled for.
#pragma once

#include <hwy/highway.h>

#include <cstdint>

namespace deftnn {
namespace {  // one copy for each including file, because each has its own instruction set

/// The codes of DFP16::Encode in the upper half of each 32-bit lane, zeros below.
template <class DF>
HWY_INLINE auto EncodeDfp16Upper(DF df, hwy::HWY_NAMESPACE::Vec<DF> value) {
  namespace hn = hwy::HWY_NAMESPACE;
  const hn::RebindToUnsigned<DF> du;
  const auto bits = hn::BitCast(du, value);
  const auto odd = hn::And(hn::ShiftRight<16>(bits), hn::Set(du, 1u));
  const auto rounded = hn::Add(bits, hn::Add(odd, hn::Set(du, 0x7fffu)));
  const auto quiet = hn::Or(bits, hn::Set(du, 0x400000u));
#if HWY_TARGET == HWY_EMU128  // where a comparison of integers is cheaper
  const hn::RebindToSigned<DF> di;
  const auto magnitude = hn::And(hn::BitCast(di, bits), hn::Set(di, 0x7fffffff));
  const auto is_nan = hn::RebindMask(du, hn::Gt(magnitude, hn::Set(di, 0x7f800000)));
#else
  const auto is_nan = hn::RebindMask(du, hn::IsNaN(value));
#endif
  (void)df;
  return hn::And(hn::IfThenElse(is_nan, quiet, rounded), hn::Set(du, 0xffff0000u));
}

/// DFP16::Encode of each lane.
template <class DF>
HWY_INLINE auto EncodeDfp16(DF df, hwy::HWY_NAMESPACE::Vec<DF> value) {
  namespace hn = hwy::HWY_NAMESPACE;
  const hn::Rebind<uint16_t, DF> d16;
  return hn::TruncateTo(d16, hn::ShiftRight<16>(EncodeDfp16Upper(df, value)));
}

/// DFP16::Decode of each lane.
template <class DF>
HWY_INLINE auto DecodeDfp16(
    DF df, hwy::HWY_NAMESPACE::Vec<hwy::HWY_NAMESPACE::Rebind<uint16_t, DF>> codes) {
  namespace hn = hwy::HWY_NAMESPACE;
  const hn::RebindToUnsigned<DF> du;
  return hn::BitCast(df, hn::ShiftLeft<16>(hn::PromoteTo(du, codes)));
}

/// Fission of a vector of pair words: `low` gets the elements 0, 2, 4, ..., `high` 1, 3, 5, ...
template <class DF, class VU>
HWY_INLINE void FissionDfp16(DF df, VU words, hwy::HWY_NAMESPACE::Vec<DF>& low,
                             hwy::HWY_NAMESPACE::Vec<DF>& high) {
  namespace hn = hwy::HWY_NAMESPACE;
  const hn::RebindToUnsigned<DF> du;
  low = hn::BitCast(df, hn::ShiftLeft<16>(words));
  high = hn::BitCast(df, hn::And(words, hn::Set(du, 0xffff0000u)));
}

/// The inverse, with rounding: pair words from the even and the odd elements.
template <class DF>
HWY_INLINE auto FuseDfp16(DF df, hwy::HWY_NAMESPACE::Vec<DF> low,
                          hwy::HWY_NAMESPACE::Vec<DF> high) {
  namespace hn = hwy::HWY_NAMESPACE;
  return hn::Or(hn::ShiftRight<16>(EncodeDfp16Upper(df, low)), EncodeDfp16Upper(df, high));
}

}  // namespace
}  // namespace deftnn
