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

/// Rows of no more elements are worked on kLanes at a time, each in a lane of its own: alone they
/// would fill a part of a vector and wait for its sums. For any number of rows, so that their bits
/// do not depend on it.
constexpr int64_t kShortRow = 8;
/// Of short rows: their elements' distances from the first row's are 32-bit.
constexpr int64_t kLongestStride = int64_t{1} << 26;

/// Up to kLanes rows of at most kShortRow elements.
HWY_INLINE void ShortRows(const SoftmaxArgs& args, int64_t begin, int64_t rows) {
  const FloatTag df;
  const hn::RebindToSigned<FloatTag> di;
  // Lanes without a row repeat the last one.
  const auto row = hn::Min(hn::Iota(di, 0), hn::Set(di, static_cast<int32_t>(rows - 1)));
  const auto x_rows = hn::Mul(row, hn::Set(di, static_cast<int32_t>(args.x_stride)));
  const auto y_rows = hn::Mul(row, hn::Set(di, static_cast<int32_t>(args.y_stride)));
  const float* x = args.x + begin * args.x_stride;
  float* y = args.y + begin * args.y_stride;
  HWY_ALIGN float terms[kShortRow][kLanes];
  auto largest = hn::Set(df, -__builtin_inff());
  for (int64_t i = 0; i < args.length; ++i) {
    const auto element = hn::GatherIndex(df, x + i, x_rows);
    largest = hn::Max(largest, element);
    hn::Store(element, df, terms[i]);
  }
  auto sum = hn::Zero(df);
  for (int64_t i = 0; i < args.length; ++i) {
    const auto centred = hn::Sub(hn::Load(df, terms[i]), largest);
    const auto term = ExpOf(centred);
    sum = hn::Add(sum, term);
    hn::Store(args.logarithm ? centred : term, df, terms[i]);
  }
  if (args.logarithm) {
    HWY_ALIGN float logarithms[kLanes];
    hn::Store(sum, df, logarithms);
    for (int64_t r = 0; r < rows; ++r) logarithms[r] = __builtin_logf(logarithms[r]);
    for (int64_t r = rows; r < kLanes; ++r) logarithms[r] = logarithms[rows - 1];
    const auto shift = hn::Load(df, logarithms);
    for (int64_t i = 0; i < args.length; ++i) {
      hn::ScatterIndex(hn::Sub(hn::Load(df, terms[i]), shift), df, y + i, y_rows);
    }
  } else {
    const auto scale = hn::Div(hn::Set(df, 1.0f), sum);
    for (int64_t i = 0; i < args.length; ++i) {
      hn::ScatterIndex(hn::Mul(hn::Load(df, terms[i]), scale), df, y + i, y_rows);
    }
  }
}

void SoftmaxRows(const SoftmaxArgs& args, int64_t begin, int64_t end) {
  const FloatTag df;
  if (args.length <= kShortRow && HWY_MAX(args.x_stride, args.y_stride) <= kLongestStride) {
    for (int64_t row = begin; row < end; row += kLanes) {
      ShortRows(args, row, HWY_MIN(kLanes, end - row));
    }
    return;
  }
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
