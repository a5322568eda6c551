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

/// Input strides in elements between neighbouring taps, and their numbers: kSide by kSide, or,
/// where that is 0, any.
template <int kSide>
struct Taps {
  int64_t rows, columns, row_step, column_step;

  template <class S, class F>
  HWY_INLINE void ForEach(const S* from, const F& tap) const {
    if constexpr (kSide != 0) {
      Unroll<kSide>([&](auto i) DEFTNN_INLINE_LAMBDA {
        Unroll<kSide>([&](auto j)
                          DEFTNN_INLINE_LAMBDA { tap(from + i * row_step + j * column_step); });
      });
    } else {
      for (int64_t i = 0; i < rows; ++i) {
        const S* at = from + i * row_step;
        for (int64_t j = 0; j < columns; ++j, at += column_step) tap(at);
      }
    }
  }
};

/// kVectors vectors of channels of one output pixel.
template <class R, int kVectors, class S, int kSide>
HWY_INLINE void Reduce(const S* from, const Taps<kSide>& taps, FloatVector (&sum)[kVectors]) {
  const FloatTag df;
  Unroll<kVectors>([&](auto v) DEFTNN_INLINE_LAMBDA { sum[v] = R::Start(); });
  taps.ForEach(from, [&](const S* at) DEFTNN_INLINE_LAMBDA {
    Unroll<kVectors>([&](auto v) DEFTNN_INLINE_LAMBDA {
      sum[v] = R::Combine(sum[v], LoadFloats(df, at + v * kLanes));
    });
  });
}

/// Stores the first `channels` lanes, in the output's format.
HWY_INLINE void StorePixel(const PoolArgs& args, FloatVector value, int64_t offset,
                           int64_t channels) {
  const FloatTag df;
  const auto store = [&](auto* to) DEFTNN_INLINE_LAMBDA {
    if (channels >= kLanes) {
      StoreFloats(df, value, to);
    } else {
      StorePart(df, value, to, channels);
    }
  };
  if (args.output.layout.format == Format::kFp32) {
    store(static_cast<float*>(args.output.data) + offset);
  } else {
    store(static_cast<uint16_t*>(args.output.data) + offset);
  }
}

/// All channels of one output pixel, which is `to` elements into the output. The last vector may
/// read past the channels, into the next pixel or the slack, but never writes there.
template <class R, class S>
struct FloatPixel {
  using Source = S;
  template <int kSide>
  static HWY_INLINE void Run(const PoolArgs& args, const S* from, const Taps<kSide>& taps,
                             float divisor, int64_t to) {
    const int64_t channels = args.input.layout.channels;
    int64_t c = 0;
    for (; c + 4 * kLanes <= channels; c += 4 * kLanes) {
      FloatVector sum[4];
      Reduce<R>(from + c, taps, sum);
      Unroll<4>([&](auto v) DEFTNN_INLINE_LAMBDA {
        StorePixel(args, R::Finish(sum[v], divisor), to + c + v * kLanes, kLanes);
      });
    }
    for (; c < channels; c += kLanes) {
      FloatVector sum[1];
      Reduce<R>(from + c, taps, sum);
      StorePixel(args, R::Finish(sum[0], divisor), to + c, channels - c);
    }
  }
};

using CodeTag = hn::CappedTag<int16_t, 32>;
using CodeVector = hn::Vec<CodeTag>;
constexpr int64_t kCodeLanes = static_cast<int64_t>(hn::MaxLanes(CodeTag()));

/// Max pooling of DFP16 without decoding: flipping the lower bits of negative codes orders the
/// codes like integers. The same function turns them back.
HWY_INLINE CodeVector OrderedCodes(CodeVector code) {
  const CodeTag d;
  return hn::Xor(code, hn::And(hn::ShiftRight<15>(code), hn::Set(d, int16_t{0x7fff})));
}
struct MaxCodePixel {
  using Source = uint16_t;

  template <int kVectors, int kSide>
  static HWY_INLINE void Reduce(const uint16_t* from, const Taps<kSide>& taps,
                                CodeVector (&result)[kVectors]) {
    const CodeTag d;
    // Of the codes in order a negative NaN is below minus infinity, a positive one above infinity.
    const auto lowest = hn::Set(d, static_cast<int16_t>(0x807f));  // minus infinity
    CodeVector largest[kVectors], smallest[kVectors];
    Unroll<kVectors>([&](auto v) DEFTNN_INLINE_LAMBDA { largest[v] = smallest[v] = lowest; });
    taps.ForEach(from, [&](const uint16_t* at) DEFTNN_INLINE_LAMBDA {
      Unroll<kVectors>([&](auto v) DEFTNN_INLINE_LAMBDA {
        const auto code =
            OrderedCodes(hn::LoadU(d, reinterpret_cast<const int16_t*>(at + v * kCodeLanes)));
        largest[v] = hn::Max(largest[v], code);
        smallest[v] = hn::Min(smallest[v], code);
      });
    });
    Unroll<kVectors>([&](auto v) DEFTNN_INLINE_LAMBDA {
      result[v] =
          OrderedCodes(hn::IfThenElse(hn::Lt(smallest[v], lowest), smallest[v], largest[v]));
    });
  }

  template <int kSide>
  static HWY_INLINE void Run(const PoolArgs& args, const uint16_t* from, const Taps<kSide>& taps,
                             float, int64_t offset) {
    const CodeTag d;
    const int64_t channels = args.input.layout.channels;
    uint16_t* to = static_cast<uint16_t*>(args.output.data) + offset;
    int64_t c = 0;
    for (; c + 2 * kCodeLanes <= channels; c += 2 * kCodeLanes) {
      CodeVector result[2];
      Reduce(from + c, taps, result);
      hn::StoreU(result[0], d, reinterpret_cast<int16_t*>(to + c));
      hn::StoreU(result[1], d, reinterpret_cast<int16_t*>(to + c + kCodeLanes));
    }
    for (; c < channels; c += kCodeLanes) {
      CodeVector result[1];
      Reduce(from + c, taps, result);
      int16_t* target = reinterpret_cast<int16_t*>(to + c);
      if (channels - c >= kCodeLanes) {
        hn::StoreU(result[0], d, target);
      } else if constexpr (kMasks16) {
        hn::BlendedStore(result[0], hn::FirstN(d, static_cast<size_t>(channels - c)), d, target);
      } else {
        HWY_ALIGN int16_t buffer[kCodeLanes];
        hn::Store(result[0], d, buffer);
        for (int64_t i = 0; i < channels - c; ++i) target[i] = buffer[i];
      }
    }
  }
};

/// A window of any taps, once for all rows: compiled into each it would take the compiler minutes.
template <class Pixel>
HWY_NOINLINE void AnyWindow(const PoolArgs& args, const typename Pixel::Source* from,
                            const Taps<0>& taps, float divisor, int64_t to) {
  Pixel::Run(args, from, taps, divisor, to);
}

/// One row of output. Windows that lie in the image and have kSide by kSide taps take the way that
/// is compiled for them.
template <class Pixel, int kSide>
void WindowRow(const PoolArgs& args, int64_t row) {
  using S = typename Pixel::Source;
  const Layout& in = args.input.layout;
  const Layout& out = args.output.layout;
  const int64_t n = row / out.height, oh = row % out.height;
  const Span rows = SpanOf(oh, args.stride_h, args.kernel_h, args.dilation_h, args.pad_top,
                           args.pad_bottom, in.height);
  const S* source =
      static_cast<const S*>(args.input.data) + n * in.image_stride + rows.first * in.row_stride;
  const int64_t target = n * out.image_stride + oh * out.row_stride;
  for (int64_t ow = 0; ow < out.width; ++ow) {
    const Span columns = SpanOf(ow, args.stride_w, args.kernel_w, args.dilation_w, args.pad_left,
                                args.pad_right, in.width);
    const int64_t inside = rows.taps * columns.taps;
    const int64_t count = args.count_include_pad ? rows.padded * columns.padded : inside;
    const float divisor = static_cast<float>(HWY_MAX(int64_t{1}, count));
    const S* from = source + columns.first * in.pixel_stride;
    const int64_t to = target + ow * out.pixel_stride;
    const int64_t row_step = args.dilation_h * in.row_stride;
    const int64_t column_step = args.dilation_w * in.pixel_stride;
    if (kSide != 0 && rows.taps == kSide && columns.taps == kSide) {
      Pixel::Run(args, from, Taps<kSide>{kSide, kSide, row_step, column_step}, divisor, to);
    } else {
      const int64_t taken = inside == 0 ? 0 : rows.taps;
      AnyWindow<Pixel>(args, from, {taken, columns.taps, row_step, column_step}, divisor, to);
    }
  }
}

/// Sums in rows first: the error then grows with the height and the width, not with their product.
template <class R, int kVectors, class S>
HWY_INLINE void ReduceImage(const S* from, const Layout& in, FloatVector (&sum)[kVectors]) {
  Unroll<kVectors>([&](auto v) DEFTNN_INLINE_LAMBDA { sum[v] = R::Start(); });
  for (int64_t h = 0; h < in.height; ++h) {
    FloatVector row[kVectors];
    Reduce<R>(from + h * in.row_stride, Taps<0>{1, in.width, 0, in.pixel_stride}, row);
    Unroll<kVectors>([&](auto v) DEFTNN_INLINE_LAMBDA { sum[v] = R::Combine(sum[v], row[v]); });
  }
}

template <class R, class S>
void GlobalImage(const PoolArgs& args, int64_t n) {
  const Layout& in = args.input.layout;
  const S* source = static_cast<const S*>(args.input.data) + n * in.image_stride;
  const int64_t target = n * args.output.layout.image_stride;
  const float divisor = static_cast<float>(in.height * in.width);
  int64_t c = 0;
  for (; c + 4 * kLanes <= in.channels; c += 4 * kLanes) {
    FloatVector sum[4];
    ReduceImage<R>(source + c, in, sum);
    Unroll<4>([&](auto v) DEFTNN_INLINE_LAMBDA {
      StorePixel(args, R::Finish(sum[v], divisor), target + c + v * kLanes, kLanes);
    });
  }
  for (; c < in.channels; c += kLanes) {
    FloatVector sum[1];
    ReduceImage<R>(source + c, in, sum);
    StorePixel(args, R::Finish(sum[0], divisor), target + c, in.channels - c);
  }
}

void WindowRows(const PoolArgs& args, int64_t begin, int64_t end) {
  const auto rows = [&](auto pixel) {
    using Pixel = decltype(pixel);
    const auto all = [&]<int kSide>(Taps<kSide>) {
      for (int64_t row = begin; row < end; ++row) WindowRow<Pixel, kSide>(args, row);
    };
    // Where a vector is a loop over its lanes, nothing is gained by unrolling.
    if constexpr (HWY_TARGET != HWY_EMU128) {
      if (args.kernel_h == args.kernel_w && args.kernel_h == 2) return all(Taps<2>());
      if (args.kernel_h == args.kernel_w && args.kernel_h == 3) return all(Taps<3>());
    }
    all(Taps<0>());
  };
  const bool wide = args.input.layout.format == Format::kFp32;
  if (args.kind == PoolKind::kAverage) {
    return wide ? rows(FloatPixel<AverageReduction, float>())
                : rows(FloatPixel<AverageReduction, uint16_t>());
  }
  if (wide) return rows(FloatPixel<MaxReduction, float>());
  if (args.output.layout.format == Format::kDfp16) return rows(MaxCodePixel());
  rows(FloatPixel<MaxReduction, uint16_t>());
}

void GlobalImages(const PoolArgs& args, int64_t begin, int64_t end) {
  const bool wide = args.input.layout.format == Format::kFp32;
  for (int64_t n = begin; n < end; ++n) {
    if (args.kind == PoolKind::kGlobalMax) {
      wide ? GlobalImage<MaxReduction, float>(args, n)
           : GlobalImage<MaxReduction, uint16_t>(args, n);
    } else {
      wide ? GlobalImage<AverageReduction, float>(args, n)
           : GlobalImage<AverageReduction, uint16_t>(args, n);
    }
  }
}

}  // namespace
}  // namespace deftnn
