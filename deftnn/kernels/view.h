// How kernels see a tensor: channels last, with room around each image for the padding of whoever
// reads it.
#pragma once

#include <cstdint>

#include "deftnn/ndf/formats/format.h"

namespace deftnn {

/// Shape and strides, in elements, without an address: what a plan knows.
///
/// Element (n, h, w, c) lies at n * image_stride + h * row_stride + w * pixel_stride + c from pixel
/// (0, 0, 0). Around the interior lie halo_* rows and columns of zeros that a convolution reads as
/// its padding; they belong to the same allocation. A matrix of R rows is batch 1, height 1, width
/// R. One spatial axis is a height of 1. pixel_stride > channels where the tensor is a slice of a
/// concatenation.
struct Layout {
  int64_t batch = 1, height = 1, width = 1, channels = 1;
  int64_t pixel_stride = 1, row_stride = 1, image_stride = 1;
  int64_t halo_top = 0, halo_bottom = 0, halo_left = 0, halo_right = 0;
  Format format = Format::kFp32;

  /// Dense strides with this halo.
  static Layout Dense(int64_t batch, int64_t height, int64_t width, int64_t channels, Format format,
                      int64_t top = 0, int64_t bottom = 0, int64_t left = 0, int64_t right = 0) {
    Layout layout{batch, height, width, channels, 0, 0, 0, top, bottom, left, right, format};
    layout.pixel_stride = channels;
    layout.row_stride = (left + width + right) * channels;
    layout.image_stride = (top + height + bottom) * layout.row_stride;
    return layout;
  }

  int64_t pixels() const { return batch * height * width; }
  /// Elements from the allocation's start to pixel (0, 0, 0).
  int64_t interior() const { return halo_top * row_stride + halo_left * pixel_stride; }
  /// Elements of the allocation, halos included; kernels may read (never write) kSlack elements
  /// more.
  int64_t extent() const { return batch * image_stride; }
};

/// Elements behind a tensor that exist, are zero, and may be read.
inline constexpr int64_t kSlack = 32;

/// A layout and the address of its pixel (0, 0, 0).
struct View {
  Layout layout;
  void* data = nullptr;

  template <typename T>
  T* at(int64_t n, int64_t h, int64_t w) const {
    return static_cast<T*>(data) + n * layout.image_stride + h * layout.row_stride +
           w * layout.pixel_stride;
  }
};

}  // namespace deftnn
