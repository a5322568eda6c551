#include "deftnn/kernels/layout/layout.h"

#include <cstring>

#include "deftnn/base/check.h"
#include "deftnn/kernels/select.h"

namespace deftnn {

#define DEFTNN_LAYOUT(name) extern const LayoutKernel kLayout##name;
#include "deftnn/kernels/layout/layout.inc"
#undef DEFTNN_LAYOUT

namespace {

const LayoutKernel* const kKernels[] = {
#define DEFTNN_LAYOUT(name) &kLayout##name,
#include "deftnn/kernels/layout/layout.inc"
#undef DEFTNN_LAYOUT
};

int64_t BytesMoved(const Layout& layout, Format other) {
  return layout.pixels() * layout.channels * (BytesOf(layout.format) + BytesOf(other));
}

}  // namespace

const LayoutKernel& SelectLayout(Isa isa) { return HighestAtMost(kKernels, isa); }

void FromPlanes(const LayoutKernel& kernel, const Planes& from, const View& to, ThreadPool& pool) {
  const Layout& layout = to.layout;
  ForRange(pool, layout.batch * layout.height, BytesMoved(layout, from.format),
           [&](int64_t begin, int64_t end) { kernel.from_planes(from, to, begin, end); });
}

void ToPlanes(const LayoutKernel& kernel, const View& from, const Planes& to, ThreadPool& pool) {
  const Layout& layout = from.layout;
  ForRange(pool, layout.batch * layout.height, BytesMoved(layout, to.format),
           [&](int64_t begin, int64_t end) { kernel.to_planes(from, to, begin, end); });
}

void CopyView(const LayoutKernel& kernel, const View& from, const View& to, ThreadPool& pool) {
  const Layout& a = from.layout;
  const Layout& b = to.layout;
  DEFTNN_CHECK(a.batch == b.batch && a.height == b.height && a.width == b.width &&
               a.channels == b.channels);
  ForRange(pool, a.batch * a.height, BytesMoved(a, b.format),
           [&](int64_t begin, int64_t end) { kernel.copy(from, to, begin, end); });
}

void ZeroHalo(const View& view, bool slack) {
  const Layout& layout = view.layout;
  const size_t bytes = static_cast<size_t>(BytesOf(layout.format));
  char* const base = static_cast<char*>(view.data);
  const int64_t pixel = layout.pixel_stride;
  // Zeroes `count` neighbouring pixels.
  const auto zero = [&](int64_t offset, int64_t count) {
    if (count <= 0) return;
    if (pixel == layout.channels) {
      std::memset(base + offset * static_cast<int64_t>(bytes), 0,
                  static_cast<size_t>(count * pixel) * bytes);
      return;
    }
    for (int64_t i = 0; i < count; ++i) {
      std::memset(base + (offset + i * pixel) * static_cast<int64_t>(bytes), 0,
                  static_cast<size_t>(layout.channels) * bytes);
    }
  };
  const int64_t line = layout.halo_left + layout.width + layout.halo_right;
  const bool joined =
      layout.row_stride == line * pixel;  // a row's right halo meets the next's left
  for (int64_t n = 0; n < layout.batch; ++n) {
    const int64_t image = n * layout.image_stride;
    const int64_t first = image - layout.halo_left * pixel;
    if (joined) {
      zero(first - layout.halo_top * layout.row_stride, layout.halo_top * line + layout.halo_left);
      for (int64_t h = 0; h + 1 < layout.height; ++h) {
        zero(image + h * layout.row_stride + layout.width * pixel,
             layout.halo_right + layout.halo_left);
      }
      zero(image + (layout.height - 1) * layout.row_stride + layout.width * pixel,
           layout.halo_right + layout.halo_bottom * line);
      continue;
    }
    for (int64_t h = -layout.halo_top; h < layout.height + layout.halo_bottom; ++h) {
      if (h < 0 || h >= layout.height) {
        zero(first + h * layout.row_stride, line);
        continue;
      }
      zero(first + h * layout.row_stride, layout.halo_left);
      zero(image + h * layout.row_stride + layout.width * pixel, layout.halo_right);
    }
  }
  if (slack) {
    std::memset(base + (layout.extent() - layout.interior()) * static_cast<int64_t>(bytes), 0,
                static_cast<size_t>(kSlack) * bytes);
  }
}

}  // namespace deftnn
