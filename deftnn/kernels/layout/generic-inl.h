// Layout conversions, in the vectors of whatever target the including file is compiled for.
#pragma once

#include <cstring>

#include "deftnn/kernels/layout/layout.h"
#include "deftnn/kernels/simd-inl.h"

namespace deftnn {
namespace {

using Float4 = hn::Vec<Float4Tag>;

/// Calls function(float() or uint16_t()): the code type of a format.
template <class Function>
HWY_INLINE void WithCode(Format format, Function&& function) {
  if (format == Format::kFp32) {
    function(float{});
  } else {
    function(uint16_t{});
  }
}

template <class T>
HWY_INLINE T* PixelAt(const View& view, int64_t row, int64_t w) {
  const Layout& layout = view.layout;
  return static_cast<T*>(view.data) + row / layout.height * layout.image_stride +
         row % layout.height * layout.row_stride + w * layout.pixel_stride;
}
template <class T>
HWY_INLINE T* PlaneRowAt(const Planes& planes, const Layout& layout, int64_t row) {
  return static_cast<T*>(planes.data) + row / layout.height * planes.image_stride +
         row % layout.height * planes.row_stride;
}

/// Transposes the 4 x 4 matrix in every 128-bit block of four vectors.
template <class V>
HWY_INLINE void TransposeBlocks(V& a, V& b, V& c, V& d) {
  const hn::DFromV<V> df;
  const hn::RepartitionToWide<decltype(df)> dw;
  const auto ab_low = hn::BitCast(dw, hn::InterleaveLower(df, a, b));
  const auto ab_high = hn::BitCast(dw, hn::InterleaveUpper(df, a, b));
  const auto cd_low = hn::BitCast(dw, hn::InterleaveLower(df, c, d));
  const auto cd_high = hn::BitCast(dw, hn::InterleaveUpper(df, c, d));
  a = hn::BitCast(df, hn::InterleaveLower(dw, ab_low, cd_low));
  b = hn::BitCast(df, hn::InterleaveUpper(dw, ab_low, cd_low));
  c = hn::BitCast(df, hn::InterleaveLower(dw, ab_high, cd_high));
  d = hn::BitCast(df, hn::InterleaveUpper(dw, ab_high, cd_high));
}

/// Block b of the result is the four elements at from + b * step.
template <class D, class T>
HWY_INLINE hn::Vec<D> GatherBlocks(D df, const T* from, int64_t step) {
  const Float4Tag d4;
  (void)df;
  if constexpr (hn::MaxLanes(D()) == 4) {
    return LoadFloats(d4, from);
  } else if constexpr (hn::MaxLanes(D()) == 8) {
    return hn::Combine(df, LoadFloats(d4, from + step), LoadFloats(d4, from));
  } else {
    const hn::Half<D> d8;
    return hn::Combine(
        df, hn::Combine(d8, LoadFloats(d4, from + 3 * step), LoadFloats(d4, from + 2 * step)),
        hn::Combine(d8, LoadFloats(d4, from + step), LoadFloats(d4, from)));
  }
}

/// Block b of `value` goes to the four elements at to + b * step.
template <class D, class T>
HWY_INLINE void ScatterBlocks(D df, hn::Vec<D> value, T* to, int64_t step) {
  const Float4Tag d4;
  (void)df;
  if constexpr (hn::MaxLanes(D()) == 4) {
    StoreFloats(d4, value, to);
  } else if constexpr (hn::MaxLanes(D()) == 8) {
    StoreFloats(d4, hn::LowerHalf(d4, value), to);
    StoreFloats(d4, hn::UpperHalf(d4, value), to + step);
  } else {
    const hn::Half<D> d8;
    const auto low = hn::LowerHalf(d8, value), high = hn::UpperHalf(d8, value);
    StoreFloats(d4, hn::LowerHalf(d4, low), to);
    StoreFloats(d4, hn::UpperHalf(d4, low), to + step);
    StoreFloats(d4, hn::LowerHalf(d4, high), to + 2 * step);
    StoreFloats(d4, hn::UpperHalf(d4, high), to + 3 * step);
  }
}

/// Four pixels (or `pixels` < 4) x four channels (or `channels` < 4), at the edges of a row.
template <class S, class D>
HWY_INLINE void EdgeFromPlanes(const S* from, int64_t channel_stride, D* to, int64_t pixel_stride,
                               int64_t pixels, int64_t channels) {
  const Float4Tag d4;
  Float4 v[4];
  for (int i = 0; i < 4; ++i) {
    v[i] = i < channels ? LoadPart(d4, from + i * channel_stride, pixels) : hn::Zero(d4);
  }
  TransposeBlocks(v[0], v[1], v[2], v[3]);
  for (int i = 0; i < 4; ++i) {
    if (i < pixels) StorePart(d4, v[i], to + i * pixel_stride, channels);
  }
}
template <class S, class D>
HWY_INLINE void EdgeToPlanes(const S* from, int64_t pixel_stride, D* to, int64_t channel_stride,
                             int64_t pixels, int64_t channels) {
  const Float4Tag d4;
  Float4 v[4];
  for (int i = 0; i < 4; ++i) {
    v[i] = i < pixels ? LoadPart(d4, from + i * pixel_stride, channels) : hn::Zero(d4);
  }
  TransposeBlocks(v[0], v[1], v[2], v[3]);
  for (int i = 0; i < 4; ++i) {
    if (i < channels) StorePart(d4, v[i], to + i * channel_stride, pixels);
  }
}

/// Contiguous elements, converted.
template <class S, class D>
HWY_INLINE void Convert(const S* from, D* to, int64_t count) {
  const FloatTag df;
  int64_t i = 0;
  for (; i + kLanes <= count; i += kLanes) StoreFloats(df, LoadFloats(df, from + i), to + i);
  if (i < count) StorePart(df, LoadPart(df, from + i, count - i), to + i, count - i);
}
template <class T>
HWY_INLINE void Convert(const T* from, T* to, int64_t count) {
  std::memcpy(to, from, static_cast<size_t>(count) * sizeof(T));
}

HWY_INLINE void StoreTriples(FloatVector a, FloatVector b, FloatVector c, float* to) {
  hn::StoreInterleaved3(a, b, c, FloatTag(), to);
}
HWY_INLINE void StoreTriples(FloatVector a, FloatVector b, FloatVector c, uint16_t* to) {
  const FloatTag df;
  hn::StoreInterleaved3(EncodeDfp16(df, a), EncodeDfp16(df, b), EncodeDfp16(df, c),
                        hn::Rebind<uint16_t, FloatTag>(), to);
}

/// One row of images with three channels (colour pictures), densely stored.
template <class S, class D>
HWY_INLINE int64_t TriplesFromPlanes(const S* from, int64_t channel_stride, D* to, int64_t width) {
  const FloatTag df;
  int64_t w = 0;
  for (; w + kLanes <= width; w += kLanes) {
    StoreTriples(LoadFloats(df, from + w), LoadFloats(df, from + channel_stride + w),
                 LoadFloats(df, from + 2 * channel_stride + w), to + 3 * w);
  }
  return w;
}

template <class S, class D>
void FromPlanesRow(const S* from, int64_t channel_stride, D* to, int64_t pixel_stride,
                   int64_t width, int64_t channels) {
  if (channels == 1 && pixel_stride == 1) return Convert(from, to, width);
  int64_t w = 0;
  if (channels == 3 && pixel_stride == 3) w = TriplesFromPlanes(from, channel_stride, to, width);
  const FloatTag df;
  for (; w < width; w += 4) {
    const int64_t pixels = HWY_MIN(int64_t{4}, width - w);
    const S* source = from + w;
    D* target = to + w * pixel_stride;
    int64_t c = 0;
    for (; pixels == 4 && c + kLanes <= channels; c += kLanes) {
      FloatVector v[4];
      for (int j = 0; j < 4; ++j) {
        v[j] = GatherBlocks(df, source + (c + j) * channel_stride, 4 * channel_stride);
      }
      TransposeBlocks(v[0], v[1], v[2], v[3]);
      for (int i = 0; i < 4; ++i) StoreFloats(df, v[i], target + i * pixel_stride + c);
    }
    for (; c < channels; c += 4) {
      EdgeFromPlanes(source + c * channel_stride, channel_stride, target + c, pixel_stride, pixels,
                     HWY_MIN(int64_t{4}, channels - c));
    }
  }
}

template <class S, class D>
void ToPlanesRow(const S* from, int64_t pixel_stride, D* to, int64_t channel_stride, int64_t width,
                 int64_t channels) {
  if (channels == 1 && pixel_stride == 1) return Convert(from, to, width);
  const FloatTag df;
  for (int64_t w = 0; w < width; w += 4) {
    const int64_t pixels = HWY_MIN(int64_t{4}, width - w);
    const S* source = from + w * pixel_stride;
    D* target = to + w;
    int64_t c = 0;
    for (; pixels == 4 && c + kLanes <= channels; c += kLanes) {
      FloatVector v[4];
      for (int i = 0; i < 4; ++i) v[i] = LoadFloats(df, source + i * pixel_stride + c);
      TransposeBlocks(v[0], v[1], v[2], v[3]);
      for (int j = 0; j < 4; ++j) {
        ScatterBlocks(df, v[j], target + (c + j) * channel_stride, 4 * channel_stride);
      }
    }
    for (; c < channels; c += 4) {
      EdgeToPlanes(source + c, pixel_stride, target + c * channel_stride, channel_stride, pixels,
                   HWY_MIN(int64_t{4}, channels - c));
    }
  }
}

void FromPlanesRows(const Planes& from, const View& to, int64_t begin, int64_t end) {
  WithCode(from.format, [&](auto s) {
    WithCode(to.layout.format, [&](auto d) {
      for (int64_t row = begin; row < end; ++row) {
        FromPlanesRow(PlaneRowAt<decltype(s)>(from, to.layout, row), from.channel_stride,
                      PixelAt<decltype(d)>(to, row, 0), to.layout.pixel_stride, to.layout.width,
                      to.layout.channels);
      }
    });
  });
}

void ToPlanesRows(const View& from, const Planes& to, int64_t begin, int64_t end) {
  WithCode(from.layout.format, [&](auto s) {
    WithCode(to.format, [&](auto d) {
      for (int64_t row = begin; row < end; ++row) {
        ToPlanesRow(PixelAt<decltype(s)>(from, row, 0), from.layout.pixel_stride,
                    PlaneRowAt<decltype(d)>(to, from.layout, row), to.channel_stride,
                    from.layout.width, from.layout.channels);
      }
    });
  });
}

void CopyRows(const View& from, const View& to, int64_t begin, int64_t end) {
  const Layout& layout = from.layout;
  const bool dense =
      layout.pixel_stride == layout.channels && to.layout.pixel_stride == to.layout.channels;
  const int64_t runs = dense ? 1 : layout.width;
  const int64_t length = dense ? layout.width * layout.channels : layout.channels;
  WithCode(layout.format, [&](auto s) {
    WithCode(to.layout.format, [&](auto d) {
      for (int64_t row = begin; row < end; ++row) {
        const auto* source = PixelAt<decltype(s)>(from, row, 0);
        auto* target = PixelAt<decltype(d)>(to, row, 0);
        for (int64_t i = 0; i < runs; ++i) {
          Convert(source + i * layout.pixel_stride, target + i * to.layout.pixel_stride, length);
        }
      }
    });
  });
}

}  // namespace
}  // namespace deftnn
