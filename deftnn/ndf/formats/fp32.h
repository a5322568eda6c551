// FP32: IEEE binary32, the format that everything is computed in.
#pragma once

namespace deftnn {

/// 1 sign, 8 exponent (bias 127), 23 mantissa bits; one element a code, kept as it is.
struct Fp32 {
  using Code = float;
  static Code Encode(float value) { return value; }
  static float Decode(Code code) { return code; }
};

}  // namespace deftnn
