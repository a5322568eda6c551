// exp, tanh, the logistic function and erf of float vectors. The polynomials interpolate at
// Chebyshev nodes.
#pragma once

#include "deftnn/kernels/simd-inl.h"

namespace deftnn {
namespace {

/// Horner's rule: c0 + x * (c1 + x * (c2 + ...)).
template <class D>
HWY_INLINE hn::Vec<D> Polynomial(D d, hn::Vec<D>, float c0) {
  return hn::Set(d, c0);
}
template <class D, class... Rest>
HWY_INLINE hn::Vec<D> Polynomial(D d, hn::Vec<D> x, float c0, Rest... rest) {
  return hn::MulAdd(x, Polynomial(d, x, rest...), hn::Set(d, c0));
}

/// e^x within 2e-7 relative (results below the smallest normal float: within one subnormal step);
/// 0 far below, infinity above 88.72, NaN stays NaN.
template <class D>
HWY_INLINE hn::Vec<D> ExpOf(D d, hn::Vec<D> x) {
  const hn::RebindToSigned<D> di;
  const auto nan = hn::IsNaN(x);
  const auto bounded =
      hn::Min(hn::Max(hn::IfThenZeroElse(nan, x), hn::Set(d, -104.0f)), hn::Set(d, 89.0f));
  // x = n ln 2 + r, |r| <= ln 2 / 2; ln 2 in two parts, the first of few bits so that n times it is
  // exact.
  const auto n = hn::NearestInt(hn::Mul(bounded, hn::Set(d, 1.44269504f)));
  const auto nf = hn::ConvertTo(d, n);
  auto r = hn::NegMulAdd(nf, hn::Set(d, 0.693359375f), bounded);
  r = hn::NegMulAdd(nf, hn::Set(d, -2.12194440e-4f), r);
  const auto q = Polynomial(d, r, 0.5f, 0.16666577f, 0.0416665547f, 0.00836317307f, 0.00139261761f);
  const auto p = hn::Add(hn::MulAdd(hn::Mul(r, r), q, r), hn::Set(d, 1.0f));
  // 2^n in two factors, because n reaches beyond the exponents of normal floats at both ends.
  const auto half = hn::ShiftRight<1>(n);
  const auto bias = hn::Set(di, 127);
  const auto scale0 = hn::BitCast(d, hn::ShiftLeft<23>(hn::Add(half, bias)));
  const auto scale1 = hn::BitCast(d, hn::ShiftLeft<23>(hn::Add(hn::Sub(n, half), bias)));
  return hn::IfThenElse(nan, x, hn::Mul(hn::Mul(p, scale0), scale1));
}

/// 1 / (1 + e^-x) within 4e-7 relative above -87, and 0 where e^-x overflows; NaN stays NaN.
template <class D>
HWY_INLINE hn::Vec<D> SigmoidOf(D d, hn::Vec<D> x) {
  const auto one = hn::Set(d, 1.0f);
  return hn::Div(one, hn::Add(one, ExpOf(d, hn::Neg(x))));
}

/// tanh within 4e-7 relative; odd; NaN stays NaN.
template <class D>
HWY_INLINE hn::Vec<D> TanhOf(D d, hn::Vec<D> x) {
  const auto one = hn::Set(d, 1.0f);
  const auto size = hn::Abs(x);
  const auto square = hn::Mul(x, x);
  const auto near = hn::MulAdd(hn::Mul(x, square),
                               Polynomial(d, square, -0.333333289f, 0.133327697f, -0.0538509096f,
                                          0.020997179f, -0.00609671417f),
                               x);
  const auto far = hn::NegMulAdd(hn::Set(d, 2.0f),
                                 hn::Div(one, hn::Add(one, ExpOf(d, hn::Add(size, size)))), one);
  return hn::IfThenElse(hn::Lt(size, hn::Set(d, 0.625f)), near, hn::CopySign(far, x));
}

/// The error function within 4e-7 relative; odd; NaN stays NaN.
template <class D>
HWY_INLINE hn::Vec<D> ErfOf(D d, hn::Vec<D> x) {
  const auto one = hn::Set(d, 1.0f);
  const auto size = hn::Abs(x);
  const auto square = hn::Mul(x, x);
  const auto near =
      hn::MulAdd(x,
                 Polynomial(d, square, 0.128379167f, -0.376126352f, 0.11283718f, -0.0268606648f,
                            0.00520422669f, -0.000817963218f, 8.52940132e-5f),
                 x);
  // erfc(t) = e^(t P(t)) on [0.9, 4]; from 4 on erf is 1 in float.
  const auto t = hn::IfThenElse(hn::Gt(size, hn::Set(d, 4.0f)), hn::Set(d, 4.0f), size);
  const auto exponent =
      hn::Mul(t, Polynomial(d, t, -1.12888877f, -0.634194742f, -0.107792232f, 0.0250934346f,
                            -0.00428439239f, 0.000494089608f, -3.37652255e-5f, 1.01184519e-6f));
  const auto far = hn::Sub(one, ExpOf(d, exponent));
  return hn::IfThenElse(hn::Lt(size, hn::Set(d, 0.9f)), near, hn::CopySign(far, x));
}

}  // namespace
}  // namespace deftnn
