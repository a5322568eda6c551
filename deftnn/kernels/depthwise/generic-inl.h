// Depthwise convolution, in the vectors of whatever target the including file is compiled for:
// channels in the lanes, a tile of neighbouring output pixels in registers.
#pragma once

#include "deftnn/kernels/activation-inl.h"
#include "deftnn/kernels/depthwise/depthwise.h"

namespace deftnn {
namespace {

/// A window whose width and horizontal stride are known when compiling (dilation 1): every input of
/// a tile's row is loaded and decoded once, whatever number of outputs it serves. Width 0: any.
template <int kWidthOf, int kStrideOf, int kPixelsOf>
struct Shape {
  static constexpr int kWidth = kWidthOf, kStride = kStrideOf, kPixels = kPixelsOf;
  template <int kLess>
  using WithPixels = Shape<kWidthOf, kStrideOf, kLess>;
};

#if HWY_TARGET <= HWY_AVX3 && HWY_ARCH_X86
constexpr bool kManyRegisters = true;  // 32 vectors
#else
constexpr bool kManyRegisters = false;
#endif

/// Strides in elements.
struct Steps {
  int64_t row;     // between window rows
  int64_t column;  // between window columns
  int64_t pixel;   // between the inputs of neighbouring outputs
  int64_t input;   // between neighbouring inputs
  int64_t filter;  // between taps
};

template <class S, class X>
HWY_INLINE void Accumulate(const DepthwiseArgs& args, const Steps& steps, const X* from,
                           const float* filter, FloatVector (&sum)[S::kPixels]) {
  const FloatTag df;
  const auto bias = hn::LoadU(df, filter + args.kernel_h * args.kernel_w * steps.filter);
  Unroll<S::kPixels>([&](auto p) DEFTNN_INLINE_LAMBDA { sum[p] = bias; });
  for (int64_t i = 0; i < args.kernel_h; ++i, from += steps.row) {
    if constexpr (S::kWidth > 0) {
      constexpr int kColumns = (S::kPixels - 1) * S::kStride + S::kWidth;
      FloatVector column[kColumns];
      Unroll<kColumns>(
          [&](auto j) DEFTNN_INLINE_LAMBDA { column[j] = LoadFloats(df, from + j * steps.input); });
      Unroll<S::kWidth>([&](auto j) DEFTNN_INLINE_LAMBDA {
        const auto weight = hn::LoadU(df, filter + j * steps.filter);
        Unroll<S::kPixels>([&](auto p) DEFTNN_INLINE_LAMBDA {
          sum[p] = hn::MulAdd(weight, column[p * S::kStride + j], sum[p]);
        });
      });
      filter += S::kWidth * steps.filter;
    } else {
      const X* at = from;
      for (int64_t j = 0; j < args.kernel_w; ++j, at += steps.column, filter += steps.filter) {
        const auto weight = hn::LoadU(df, filter);
        Unroll<S::kPixels>([&](auto p) DEFTNN_INLINE_LAMBDA {
          sum[p] = hn::MulAdd(weight, LoadFloats(df, at + p * steps.pixel), sum[p]);
        });
      }
    }
  }
}

/// Adds the residual, activates and stores; one copy for all windows and input formats, to which
/// the sums go through memory. `offset` is the first pixel's first channel, in elements of the
/// output and of the residual.
template <int kPixels>
HWY_NOINLINE void Finish(const DepthwiseArgs& args, int64_t offset, int64_t residual_offset,
                         int64_t channels, const float* sums) {
  const FloatTag df;
  FloatVector sum[kPixels];
  Unroll<kPixels>([&](auto p) DEFTNN_INLINE_LAMBDA { sum[p] = hn::Load(df, sums + p * kLanes); });
  if (args.residual.data != nullptr) {
    const int64_t step = args.residual.layout.pixel_stride;
    if (args.residual.layout.format == Format::kFp32) {
      const float* residual = static_cast<const float*>(args.residual.data) + residual_offset;
      Unroll<kPixels>([&](auto p) DEFTNN_INLINE_LAMBDA {
        sum[p] = hn::Add(sum[p], LoadFloats(df, residual + p * step));
      });
    } else {
      const uint16_t* residual = static_cast<const uint16_t*>(args.residual.data) + residual_offset;
      Unroll<kPixels>([&](auto p) DEFTNN_INLINE_LAMBDA {
        sum[p] = hn::Add(sum[p], LoadFloats(df, residual + p * step));
      });
    }
  }
  ActivateAll(args.activation, sum);
  const int64_t step = args.output.layout.pixel_stride;
  const auto store = [&](auto* to) DEFTNN_INLINE_LAMBDA {
    if (channels >= kLanes) {
      Unroll<kPixels>([&](auto p) DEFTNN_INLINE_LAMBDA { StoreFloats(df, sum[p], to + p * step); });
    } else {
      Unroll<kPixels>([&](auto p)
                          DEFTNN_INLINE_LAMBDA { StorePart(df, sum[p], to + p * step, channels); });
    }
  };
  if (args.output.layout.format == Format::kFp32) {
    store(static_cast<float*>(args.output.data) + offset);
  } else {
    store(static_cast<uint16_t*>(args.output.data) + offset);
  }
}

/// Output pixels [ow, width) of one row, as many as fit in tiles of S, then of half as many.
template <class S, class X>
HWY_INLINE void Tiles(const DepthwiseArgs& args, const Steps& steps, const X* from, int64_t out,
                      int64_t residual, int64_t ow) {
  const int64_t width = args.output.layout.width, channels = args.output.layout.channels;
  const int64_t out_step = args.output.layout.pixel_stride;
  const int64_t residual_step = args.residual.layout.pixel_stride;
  for (; ow + S::kPixels <= width; ow += S::kPixels) {
    for (int64_t c = 0; c < channels; c += kLanes) {
      FloatVector sum[S::kPixels];
      Accumulate<S>(args, steps, from + ow * steps.pixel + c, args.filter + c, sum);
      HWY_ALIGN float sums[S::kPixels * kLanes];
      Unroll<S::kPixels>(
          [&](auto p) DEFTNN_INLINE_LAMBDA { hn::Store(sum[p], FloatTag(), sums + p * kLanes); });
      Finish<S::kPixels>(args, out + ow * out_step + c, residual + ow * residual_step + c,
                         channels - c, sums);
    }
  }
  if constexpr (S::kPixels > 1) {
    Tiles<typename S::template WithPixels<S::kPixels / 2>>(args, steps, from, out, residual, ow);
  }
}

template <class S, class X>
HWY_NOINLINE void Rows(const DepthwiseArgs& args, int64_t begin, int64_t end) {
  const Layout& in = args.input.layout;
  const Layout& out = args.output.layout;
  const Layout& residual = args.residual.layout;
  const Steps steps = {args.dilation_h * in.row_stride, args.dilation_w * in.pixel_stride,
                       args.stride_w * in.pixel_stride, in.pixel_stride,
                       (in.channels + 15) / 16 * 16};
  for (int64_t row = begin; row < end; ++row) {
    const int64_t n = row / out.height, oh = row % out.height;
    const X* from = static_cast<const X*>(args.input.data) + n * in.image_stride +
                    (oh * args.stride_h - args.pad_top) * in.row_stride -
                    args.pad_left * in.pixel_stride;
    Tiles<S>(args, steps, from, n * out.image_stride + oh * out.row_stride,
             n * residual.image_stride + oh * residual.row_stride, 0);
  }
}

template <class X>
HWY_INLINE void RowsOf(const DepthwiseArgs& args, int64_t begin, int64_t end) {
  // Emulated vectors lie in memory, where keeping decoded inputs gains nothing.
  if constexpr (HWY_TARGET != HWY_EMU128) {
    constexpr int kWide = kManyRegisters ? 8 : 4;
    const int64_t width = args.dilation_w == 1 ? args.kernel_w : 0;
    if (width == 3 && args.stride_w == 1) return Rows<Shape<3, 1, kWide>, X>(args, begin, end);
    if (width == 3 && args.stride_w == 2) return Rows<Shape<3, 2, 4>, X>(args, begin, end);
    if (width == 5 && args.stride_w == 1) return Rows<Shape<5, 1, kWide>, X>(args, begin, end);
    if (width == 5 && args.stride_w == 2) {
      return Rows<Shape<5, 2, kManyRegisters ? 4 : 2>, X>(args, begin, end);
    }
  }
  Rows<Shape<0, 0, 4>, X>(args, begin, end);
}

void DepthwiseRows(const DepthwiseArgs& args, int64_t begin, int64_t end) {
  if (args.input.layout.format == Format::kFp32) {
    RowsOf<float>(args, begin, end);
  } else {
    RowsOf<uint16_t>(args, begin, end);
  }
}

}  // namespace
}  // namespace deftnn
