// Sums, in the vectors of whatever target the including file is compiled for.
#pragma once

#include "deftnn/kernels/reduce/reduce.h"
#include "deftnn/kernels/simd-inl.h"

namespace deftnn {
namespace {

constexpr int64_t kBlockRows = 32;  // summed by themselves before they join the total
constexpr int kAtOnce = 4;          // vectors

/// The sum of `count` contiguous floats.
HWY_INLINE float SumOfRow(const float* x, int64_t count) {
  const FloatTag df;
  auto total = hn::Zero(df);
  for (int64_t i = 0; i < count;) {
    const int64_t end = HWY_MIN(count, i + kBlockRows * kAtOnce * kLanes);
    FloatVector sum[kAtOnce];
    Unroll<kAtOnce>([&](auto v) DEFTNN_INLINE_LAMBDA { sum[v] = hn::Zero(df); });
    for (; i + kAtOnce * kLanes <= end; i += kAtOnce * kLanes) {
      Unroll<kAtOnce>([&](auto v) DEFTNN_INLINE_LAMBDA {
        sum[v] = hn::Add(sum[v], hn::LoadU(df, x + i + v * kLanes));
      });
    }
    for (; i < end; i += kLanes) {
      const int64_t lanes = HWY_MIN(kLanes, end - i);
      sum[0] = hn::Add(sum[0], LoadPart(df, x + i, lanes));
    }
    i = end;
    total = hn::Add(total, hn::Add(hn::Add(sum[0], sum[1]), hn::Add(sum[2], sum[3])));
  }
  return hn::GetLane(hn::SumOfLanes(df, total));
}

/// y = the sum of `count` rows of kVectors vectors, `stride` elements apart, / divisor; the last
/// vector has `lanes` lanes.
template <int kVectors>
HWY_INLINE void SumOfRows(const float* x, int64_t stride, int64_t count, float divisor, float* y,
                          int64_t lanes) {
  const FloatTag df;
  const auto load = [&](const float* row, int v) DEFTNN_INLINE_LAMBDA {
    return v + 1 < kVectors || lanes == kLanes ? hn::LoadU(df, row + v * kLanes)
                                               : LoadPart(df, row + v * kLanes, lanes);
  };
  FloatVector total[kVectors];
  Unroll<kVectors>([&](auto v) DEFTNN_INLINE_LAMBDA { total[v] = hn::Zero(df); });
  for (int64_t row = 0; row < count;) {
    const int64_t end = HWY_MIN(count, row + kBlockRows);
    FloatVector sum[kVectors];
    Unroll<kVectors>([&](auto v) DEFTNN_INLINE_LAMBDA { sum[v] = hn::Zero(df); });
    for (; row < end; ++row) {
      Unroll<kVectors>([&](auto v) DEFTNN_INLINE_LAMBDA {
        sum[v] = hn::Add(sum[v], load(x + row * stride, v));
      });
    }
    Unroll<kVectors>([&](auto v) DEFTNN_INLINE_LAMBDA { total[v] = hn::Add(total[v], sum[v]); });
  }
  Unroll<kVectors>([&](auto v) DEFTNN_INLINE_LAMBDA {
    const auto value = hn::Div(total[v], hn::Set(df, divisor));
    if (v + 1 < kVectors || lanes == kLanes) {
      hn::StoreU(value, df, y + v * kLanes);
    } else {
      StorePart(df, value, y + v * kLanes, lanes);
    }
  });
}

void SumUnits(const SumArgs& args, int64_t begin, int64_t end) {
  const int64_t strips = (args.inner + kSumStrip - 1) / kSumStrip;
  for (int64_t unit = begin; unit < end; ++unit) {
    const int64_t outer = unit / strips, first = unit % strips * kSumStrip;
    const float* x = args.x + outer * args.count * args.inner + first;
    float* y = args.y + outer * args.inner + first;
    const int64_t columns = HWY_MIN(kSumStrip, args.inner - first);
    if (args.inner == 1) {
      *y = SumOfRow(x, args.count) / args.divisor;
      continue;
    }
    int64_t i = 0;
    for (; i + kAtOnce * kLanes <= columns; i += kAtOnce * kLanes) {
      SumOfRows<kAtOnce>(x + i, args.inner, args.count, args.divisor, y + i, kLanes);
    }
    for (; i < columns; i += kLanes) {
      SumOfRows<1>(x + i, args.inner, args.count, args.divisor, y + i,
                   HWY_MIN(kLanes, columns - i));
    }
  }
}

}  // namespace
}  // namespace deftnn
