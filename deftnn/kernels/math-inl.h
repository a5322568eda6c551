// exp, tanh, the logistic function and erf of float vectors. The polynomials interpolate at
// Chebyshev nodes.
#pragma once

#include "deftnn/kernels/simd-inl.h"

namespace deftnn {
namespace {

/// Horner's rule: c0 + x * (c1 + x * (c2 + ...)).
HWY_INLINE FloatVector Polynomial(FloatVector, float c0) { return hn::Set(FloatTag(), c0); }
template <class... Rest>
HWY_INLINE FloatVector Polynomial(FloatVector x, float c0, Rest... rest) {
  return hn::MulAdd(x, Polynomial(x, rest...), hn::Set(FloatTag(), c0));
}

/// e^x within 2e-7 relative (results below the smallest normal float: within one subnormal step);
/// 0 far below, infinity above 88.72, NaN stays NaN.
HWY_INLINE FloatVector ExpOf(FloatVector x) {
  const FloatTag d;
  const hn::RebindToSigned<FloatTag> di;
  const auto bounded = MinKeepNan(hn::Set(d, 89.0f), MaxKeepNan(hn::Set(d, -104.0f), x));
  // x = n ln 2 + r, |r| <= ln 2 / 2. Added to 1.5 * 2^23 the quotient is rounded to an integer, n,
  // which then lies in the low bits. ln 2 is in two parts, the first of few bits so that n times
  // it is exact. A NaN makes r NaN, whatever n becomes.
  const auto shifter = hn::Set(d, 0x1.8p23f);
  const auto shifted = hn::MulAdd(bounded, hn::Set(d, 1.44269504f), shifter);
  const auto n = hn::Sub(hn::BitCast(di, shifted), hn::BitCast(di, shifter));
  const auto nf = hn::Sub(shifted, shifter);
  auto r = hn::NegMulAdd(nf, hn::Set(d, 0.693359375f), bounded);
  r = hn::NegMulAdd(nf, hn::Set(d, -2.12194440e-4f), r);
  const auto q = Polynomial(r, 0.5f, 0.16666577f, 0.0416665547f, 0.00836317307f, 0.00139261761f);
  const auto p = hn::Add(hn::MulAdd(hn::Mul(r, r), q, r), hn::Set(d, 1.0f));
  // 2^n in two factors, because n reaches beyond the exponents of normal floats at both ends.
  const auto half = hn::ShiftRight<1>(n);
  const auto bias = hn::Set(di, 127);
  const auto scale0 = hn::BitCast(d, hn::ShiftLeft<23>(hn::Add(half, bias)));
  const auto scale1 = hn::BitCast(d, hn::ShiftLeft<23>(hn::Add(hn::Sub(n, half), bias)));
  return hn::Mul(hn::Mul(p, scale0), scale1);
}

/// 1 / (1 + e^-x) within 4e-7 relative above -87, and 0 where e^-x overflows; NaN stays NaN.
HWY_INLINE FloatVector SigmoidOf(FloatVector x) {
  const FloatTag d;
  const auto one = hn::Set(d, 1.0f);
  return hn::Div(one, hn::Add(one, ExpOf(hn::Neg(x))));
}

/// tanh within 4e-7 relative; odd; NaN stays NaN.
HWY_INLINE FloatVector TanhOf(FloatVector x) {
  const FloatTag d;
  const auto one = hn::Set(d, 1.0f);
  const auto size = hn::Abs(x);
  const auto square = hn::Mul(x, x);
  const auto near = hn::MulAdd(hn::Mul(x, square),
                               Polynomial(square, -0.333333289f, 0.133327697f, -0.0538509096f,
                                          0.020997179f, -0.00609671417f),
                               x);
  const auto far =
      hn::NegMulAdd(hn::Set(d, 2.0f), hn::Div(one, hn::Add(one, ExpOf(hn::Add(size, size)))), one);
  return hn::IfThenElse(hn::Lt(size, hn::Set(d, 0.625f)), near, hn::CopySign(far, x));
}

/// 1 - erf(x) for x of at least 0.9; above 4 it stays what it is at 4, 1.5e-8.
HWY_INLINE FloatVector ErfcOf(FloatVector x) {
  const FloatTag d;
  const auto t = hn::IfThenElse(hn::Gt(x, hn::Set(d, 4.0f)), hn::Set(d, 4.0f), x);
  return ExpOf(
      hn::Mul(t, Polynomial(t, -1.12888877f, -0.634194742f, -0.107792232f, 0.0250934346f,
                            -0.00428439239f, 0.000494089608f, -3.37652255e-5f, 1.01184519e-6f)));
}

/// erf(x) for |x| below 0.9.
HWY_INLINE FloatVector ErfNear(FloatVector x) {
  return hn::MulAdd(x,
                    Polynomial(hn::Mul(x, x), 0.128379167f, -0.376126352f, 0.11283718f,
                               -0.0268606648f, 0.00520422669f, -0.000817963218f, 8.52940132e-5f),
                    x);
}

/// The error function within 4e-7 relative; odd; NaN stays NaN.
HWY_INLINE FloatVector ErfOf(FloatVector x) {
  const FloatTag d;
  const auto one = hn::Set(d, 1.0f);
  const auto size = hn::Abs(x);
  const auto far = hn::Sub(one, ErfcOf(size));  // from 4 on 1 in float
  return hn::IfThenElse(hn::Lt(size, hn::Set(d, 0.9f)), ErfNear(x), hn::CopySign(far, x));
}

/// x (1 + erf(x / sqrt 2)) / 2 within 2e-7 relative above 0 and 6e-8 below; NaN stays NaN.
HWY_INLINE FloatVector GeluOf(FloatVector x) {
  const FloatTag d;
  const auto half = hn::Set(d, 0.5f);
  const auto z = hn::Mul(x, hn::Set(d, 0.70710678f));
  const auto size = hn::Abs(z);
  const auto tail =
      hn::IfThenElse(hn::Gt(size, hn::Set(d, 4.0f)), hn::Zero(d), hn::Mul(half, ErfcOf(size)));
  const auto far = hn::IfThenElse(hn::Lt(x, hn::Zero(d)), tail, hn::Sub(hn::Set(d, 1.0f), tail));
  const auto near = hn::MulAdd(half, ErfNear(z), half);
  return hn::Mul(x, hn::IfThenElse(hn::Lt(size, hn::Set(d, 0.9f)), near, far));
}

/// x (1 + tanh(u)) / 2 = x / (1 + e^(-2u)) with u = sqrt(2 / pi) (x + 0.044715 x^3), within 2e-7
/// relative above 0 and 4e-8 below; NaN stays NaN.
HWY_INLINE FloatVector GeluTanhOf(FloatVector x) {
  const auto twice_u = hn::Mul(x, Polynomial(hn::Mul(x, x), 1.59576912f, 0.0713548163f));
  return hn::Mul(x, SigmoidOf(twice_u));
}

}  // namespace
}  // namespace deftnn
