// Pooling, in the vectors of whatever target the including file is compiled for: channels in the
// lanes.
#pragma once

#include <cstring>

#include "deftnn/kernels/pool/pool.h"
#include "deftnn/kernels/simd-inl.h"

namespace deftnn {
namespace {

/// The larger of two lanes, or NaN if either is NaN.
HWY_INLINE FloatVector MaxOrNan(FloatVector a, FloatVector b) {
#if HWY_ARCH_X86 && HWY_TARGET <= HWY_SSSE3
  // x86 gives the second operand when either is NaN: the two orders differ only then, and a NaN
  // with other bits set on top is still a NaN.
  return hn::Or(hn::Max(a, b), hn::Max(b, a));
#elif HWY_TARGET == HWY_EMU128
  using Four = float __attribute__((vector_size(16)));
  Four x, y;
  std::memcpy(&x, a.raw, sizeof(x));
  std::memcpy(&y, b.raw, sizeof(y));
  x = (y > x || y != y) ? y : x;
  std::memcpy(a.raw, &x, sizeof(x));
  return a;
#else
  return hn::IfThenElse(hn::Or(hn::Gt(b, a), hn::IsNaN(b)), b, a);
#endif
}

struct MaxReduction {
  static FloatVector Start() { return hn::Set(FloatTag(), -__builtin_inff()); }
  static FloatVector Combine(FloatVector a, FloatVector b) { return MaxOrNan(a, b); }
  static FloatVector Finish(FloatVector a, float) { return a; }
};
struct AverageReduction {
  static FloatVector Start() { return hn::Zero(FloatTag()); }
  static FloatVector Combine(FloatVector a, FloatVector b) { return hn::Add(a, b); }
  static FloatVector Finish(FloatVector a, float divisor) {
    return hn::Div(a, hn::Set(FloatTag(), divisor));
  }
};

/// The part of a window along one axis that lies in the image, and how many of its positions lie in
/// the padded image.
struct Span {
  int64_t first = 0;  // the input coordinate of the first tap inside
  int64_t taps = 0;   // taps inside
  int64_t padded = 0;
};
HWY_INLINE Span SpanOf(int64_t at, int64_t stride, int64_t kernel, int64_t dilation,
                       int64_t pad_begin, int64_t pad_end, int64_t extent) {
  const int64_t start = at * stride - pad_begin;
  if (start >= 0 && start + (kernel - 1) * dilation < extent) return {start, kernel, kernel};
  // Taps i with start + i * dilation < limit.
  const auto below = [&](int64_t limit) {
    if (limit <= start) return int64_t{0};
    return HWY_MIN(kernel, (limit - start + dilation - 1) / dilation);
  };
  const int64_t skipped = below(0), inside = below(extent);
  return {start + skipped * dilation, HWY_MAX(int64_t{0}, inside - skipped),
          below(extent + pad_end)};
}

/// Input strides in elements between neighbouring taps, and their numbers.
struct Taps {
  int64_t rows, columns, row_step, column_step;
};

/// kVectors vectors of channels of one output pixel.
template <class R, int kVectors, class S>
HWY_INLINE void Reduce(const S* from, const Taps& taps, FloatVector (&sum)[kVectors]) {
  const FloatTag df;
  Unroll<kVectors>([&](auto v) DEFTNN_INLINE_LAMBDA { sum[v] = R::Start(); });
  for (int64_t i = 0; i < taps.rows; ++i) {
    const S* at = from + i * taps.row_step;
    for (int64_t j = 0; j < taps.columns; ++j, at += taps.column_step) {
      Unroll<kVectors>([&](auto v) DEFTNN_INLINE_LAMBDA {
        sum[v] = R::Combine(sum[v], LoadFloats(df, at + v * kLanes));
      });
    }
  }
}

template <class R, int kVectors, class S, class D>
HWY_INLINE void PoolVectors(const S* from, const Taps& taps, float divisor, D* to) {
  FloatVector sum[kVectors];
  Reduce<R>(from, taps, sum);
  Unroll<kVectors>([&](auto v) DEFTNN_INLINE_LAMBDA {
    StoreFloats(FloatTag(), R::Finish(sum[v], divisor), to + v * kLanes);
  });
}

/// All channels of one output pixel. The last vector may read past the channels, into the next
/// pixel or the slack, but never writes there.
template <class R, class S, class D>
HWY_INLINE void PoolPixel(const S* from, const Taps& taps, float divisor, D* to, int64_t channels) {
  int64_t c = 0;
  for (; c + 4 * kLanes <= channels; c += 4 * kLanes) {
    PoolVectors<R, 4>(from + c, taps, divisor, to + c);
  }
  if (c + 2 * kLanes <= channels) {
    PoolVectors<R, 2>(from + c, taps, divisor, to + c);
    c += 2 * kLanes;
  }
  if (c + kLanes <= channels) {
    PoolVectors<R, 1>(from + c, taps, divisor, to + c);
    c += kLanes;
  }
  if (c < channels) {
    FloatVector sum[1];
    Reduce<R>(from + c, taps, sum);
    StorePart(FloatTag(), R::Finish(sum[0], divisor), to + c, channels - c);
  }
}

template <class R, class S, class D>
void WindowRow(const PoolArgs& args, int64_t row) {
  const Layout& in = args.input.layout;
  const Layout& out = args.output.layout;
  const int64_t n = row / out.height, oh = row % out.height;
  const Span rows = SpanOf(oh, args.stride_h, args.kernel_h, args.dilation_h, args.pad_top,
                           args.pad_bottom, in.height);
  const S* source =
      static_cast<const S*>(args.input.data) + n * in.image_stride + rows.first * in.row_stride;
  D* target = static_cast<D*>(args.output.data) + n * out.image_stride + oh * out.row_stride;
  for (int64_t ow = 0; ow < out.width; ++ow) {
    const Span columns = SpanOf(ow, args.stride_w, args.kernel_w, args.dilation_w, args.pad_left,
                                args.pad_right, in.width);
    const int64_t inside = rows.taps * columns.taps;
    const Taps taps = {inside == 0 ? 0 : rows.taps, columns.taps, args.dilation_h * in.row_stride,
                       args.dilation_w * in.pixel_stride};
    const int64_t count = args.count_include_pad ? rows.padded * columns.padded : inside;
    PoolPixel<R>(source + columns.first * in.pixel_stride, taps,
                 static_cast<float>(HWY_MAX(int64_t{1}, count)), target + ow * out.pixel_stride,
                 in.channels);
  }
}

/// Sums in rows first: the error then grows with the height and the width, not with their product.
template <class R, int kVectors, class S>
HWY_INLINE void ReduceImage(const S* from, const Layout& in, FloatVector (&sum)[kVectors]) {
  Unroll<kVectors>([&](auto v) DEFTNN_INLINE_LAMBDA { sum[v] = R::Start(); });
  for (int64_t h = 0; h < in.height; ++h) {
    FloatVector row[kVectors];
    Reduce<R>(from + h * in.row_stride, Taps{1, in.width, 0, in.pixel_stride}, row);
    Unroll<kVectors>([&](auto v) DEFTNN_INLINE_LAMBDA { sum[v] = R::Combine(sum[v], row[v]); });
  }
}

template <class R, class S, class D>
void GlobalImage(const PoolArgs& args, int64_t n) {
  const FloatTag df;
  const Layout& in = args.input.layout;
  const S* source = static_cast<const S*>(args.input.data) + n * in.image_stride;
  D* target = static_cast<D*>(args.output.data) + n * args.output.layout.image_stride;
  const float divisor = static_cast<float>(in.height * in.width);
  int64_t c = 0;
  for (; c + 4 * kLanes <= in.channels; c += 4 * kLanes) {
    FloatVector sum[4];
    ReduceImage<R>(source + c, in, sum);
    Unroll<4>([&](auto v) DEFTNN_INLINE_LAMBDA {
      StoreFloats(df, R::Finish(sum[v], divisor), target + c + v * kLanes);
    });
  }
  for (; c < in.channels; c += kLanes) {
    FloatVector sum[1];
    ReduceImage<R>(source + c, in, sum);
    StorePart(df, R::Finish(sum[0], divisor), target + c, HWY_MIN(kLanes, in.channels - c));
  }
}

/// function(S(), D()) with the code types of the input and the output.
template <class Function>
HWY_INLINE void WithFormats(const PoolArgs& args, Function&& function) {
  const bool wide_in = args.input.layout.format == Format::kFp32;
  const bool wide_out = args.output.layout.format == Format::kFp32;
  if (wide_in && wide_out) return function(float{}, float{});
  if (wide_in) return function(float{}, uint16_t{});
  if (wide_out) return function(uint16_t{}, float{});
  function(uint16_t{}, uint16_t{});
}

void WindowRows(const PoolArgs& args, int64_t begin, int64_t end) {
  WithFormats(args, [&](auto s, auto d) {
    for (int64_t row = begin; row < end; ++row) {
      if (args.kind == PoolKind::kMax) {
        WindowRow<MaxReduction, decltype(s), decltype(d)>(args, row);
      } else {
        WindowRow<AverageReduction, decltype(s), decltype(d)>(args, row);
      }
    }
  });
}

void GlobalImages(const PoolArgs& args, int64_t begin, int64_t end) {
  WithFormats(args, [&](auto s, auto d) {
    for (int64_t n = begin; n < end; ++n) {
      if (args.kind == PoolKind::kGlobalMax) {
        GlobalImage<MaxReduction, decltype(s), decltype(d)>(args, n);
      } else {
        GlobalImage<AverageReduction, decltype(s), decltype(d)>(args, n);
      }
    }
  });
}

}  // namespace
}  // namespace deftnn
