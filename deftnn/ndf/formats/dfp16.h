// DFP16: the 16-bit float that near-compute data fission keeps tensors in.
#pragma once

#include <bit>
#include <cstdint>

#include "deftnn/base/half.h"

namespace deftnn {

/// 1 sign, 8 exponent, 7 mantissa bits, from the highest bit down; exponent bias 127: the upper
/// half of an IEEE binary32 (the same bits as bfloat16).
///
///   exponent 0          (-1)^s * 2^-126 * m/128        zero and subnormals, kept, never flushed
///   exponent 1 ... 254  (-1)^s * 2^(e-127) * (1 + m/128)
///   exponent 255        infinity when m = 0, NaN otherwise
///
/// Encode rounds to nearest, ties to even; past the largest finite value, 0x1.fep127, by half a
/// step or more it gives infinity; a NaN stays a NaN (quiet, sign and upper payload bits kept).
/// Decode is exact, and Encode(Decode(code)) == code for every code that is not a signalling NaN.
struct Dfp16 {
  using Code = uint16_t;

  static Code Encode(float value) { return EncodeBfloat16(value); }
  static float Decode(Code code) { return DecodeBfloat16(code); }

  struct Pair {
    float low, high;
  };
  /// Fission: two neighbours, loaded as one little-endian 32-bit word, become two floats by one
  /// shift and one mask, next to the unit that computes with them. The vector form, and the vector
  /// Encode, are in dfp16-inl.h.
  static Pair Fission(uint32_t word) {
    return {std::bit_cast<float>(word << 16), std::bit_cast<float>(word & 0xffff0000u)};
  }
};

}  // namespace deftnn
