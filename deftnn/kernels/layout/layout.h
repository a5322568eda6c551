// Moving tensors between layouts and formats: planes (NCHW) to views (NHWC), back, and view to
// view.
#pragma once

#include <cstdint>

#include "deftnn/base/cpu.h"
#include "deftnn/base/threads.h"
#include "deftnn/kernels/view.h"

namespace deftnn {

/// Channels-first storage: element (n, c, h, w) lies at n * image_stride + c * channel_stride +
/// h * row_stride + w, in elements of `format`. The extents are those of the view it is paired
/// with.
struct Planes {
  void* data = nullptr;
  Format format = Format::kFp32;
  int64_t image_stride = 0, channel_stride = 0, row_stride = 0;

  /// A row-major N x C x H x W tensor with the extents of `layout`.
  static Planes Dense(void* data, const Layout& layout, Format format = Format::kFp32) {
    const int64_t plane = layout.height * layout.width;
    return {data, format, layout.channels * plane, plane, layout.width};
  }
};

/// One instruction set's implementation. The functions work on rows [begin, end) of batch * height.
struct LayoutKernel {
  Isa isa;
  int64_t target;  // Highway's static target that it was compiled for
  void (*from_planes)(const Planes& from, const View& to, int64_t begin, int64_t end);
  void (*to_planes)(const View& from, const Planes& to, int64_t begin, int64_t end);
  void (*copy)(const View& from, const View& to, int64_t begin, int64_t end);
};

/// The best implementation that `isa` runs.
const LayoutKernel& SelectLayout(Isa isa);

/// to = from, interior only (halos keep what they hold), converted to the destination's format
/// (round to nearest even). Nothing between the channels of a slice (pixel_stride > channels) is
/// written. The two must not overlap.
void FromPlanes(const LayoutKernel& kernel, const Planes& from, const View& to, ThreadPool& pool);
void ToPlanes(const LayoutKernel& kernel, const View& from, const Planes& to, ThreadPool& pool);
/// Equal extents; the strides, halos and formats may differ. A slice of channels on either side is
/// how Concat and Split move data.
void CopyView(const LayoutKernel& kernel, const View& from, const View& to, ThreadPool& pool);

/// Zeroes the halo of every image and nothing else; of a slice, only its own channels. `slack` also
/// zeroes the kSlack elements behind the allocation, which only the view that owns it may ask for.
void ZeroHalo(const View& view, bool slack);

}  // namespace deftnn
