// Softmax, in the vectors of whatever target the including file is compiled for.
#pragma once

#include "deftnn/kernels/math-inl.h"
#include "deftnn/kernels/softmax/softmax.h"

namespace deftnn {
namespace {

/// The largest of `length` elements; whatever it is when one is NaN, the sum after it will be NaN.
HWY_INLINE float LargestOf(const float* x, int64_t length) {
  const FloatTag df;
  const auto lowest = hn::Set(df, -__builtin_inff());
  auto largest = lowest;
  int64_t i = 0;
  for (; i + kLanes <= length; i += kLanes) largest = hn::Max(largest, hn::LoadU(df, x + i));
  if (i < length) {
    const auto rest = hn::FirstN(df, static_cast<size_t>(length - i));
    largest = hn::Max(largest, hn::IfThenElse(rest, LoadPart(df, x + i, length - i), lowest));
  }
  return hn::GetLane(hn::MaxOfLanes(df, largest));
}

/// The sum of e^(x - largest), in an order that depends on the length only; y gets the terms unless
/// it is null.
HWY_INLINE float SumOfExponentials(const float* x, float largest, float* y, int64_t length) {
  const FloatTag df;
  const auto shift = hn::Set(df, largest);
  auto sum = hn::Zero(df);
  int64_t i = 0;
  for (; i + kLanes <= length; i += kLanes) {
    const auto term = ExpOf(hn::Sub(hn::LoadU(df, x + i), shift));
    if (y != nullptr) hn::StoreU(term, df, y + i);
    sum = hn::Add(sum, term);
  }
  if (i < length) {
    const auto rest = hn::FirstN(df, static_cast<size_t>(length - i));
    const auto term = ExpOf(hn::Sub(LoadPart(df, x + i, length - i), shift));
    if (y != nullptr) StorePart(df, term, y + i, length - i);
    sum = hn::Add(sum, hn::IfThenElseZero(rest, term));
  }
  return hn::GetLane(hn::SumOfLanes(df, sum));
}

/// y = f(x), elementwise.
template <class F>
HWY_INLINE void Map(const float* x, float* y, int64_t length, F f) {
  const FloatTag df;
  int64_t i = 0;
  for (; i + kLanes <= length; i += kLanes) hn::StoreU(f(hn::LoadU(df, x + i)), df, y + i);
  if (i < length) StorePart(df, f(LoadPart(df, x + i, length - i)), y + i, length - i);
}

void SoftmaxRows(const SoftmaxArgs& args, int64_t begin, int64_t end) {
  const FloatTag df;
  for (int64_t row = begin; row < end; ++row) {
    const float* x = args.x + row * args.x_stride;
    float* y = args.y + row * args.y_stride;
    const float largest = LargestOf(x, args.length);
    if (args.logarithm) {
      const float sum = SumOfExponentials(x, largest, nullptr, args.length);
      // Two subtractions: largest + log(sum) would round away a small log behind a large value.
      const auto first = hn::Set(df, largest), second = hn::Set(df, __builtin_logf(sum));
      Map(x, y, args.length, [&](FloatVector v) { return hn::Sub(hn::Sub(v, first), second); });
    } else {
      const auto scale = hn::Set(df, 1.0f / SumOfExponentials(x, largest, y, args.length));
      Map(y, y, args.length, [&](FloatVector v) { return hn::Mul(v, scale); });
    }
  }
}

}  // namespace
}  // namespace deftnn
