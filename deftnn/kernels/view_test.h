// Random views with halos, gaps and guards, and the scalar access that the kernels' tests compare
// by.
#pragma once

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cstring>
#include <vector>

#include "deftnn/base/rng.h"
#include "deftnn/kernels/view.h"
#include "deftnn/ndf/formats/formats.h"

namespace deftnn {

/// What `value` becomes when it is stored in `format`.
inline float RoundTo(Format format, float value) {
  return format == Format::kFp32 ? value : Dfp16::Decode(Dfp16::Encode(value));
}

/// Elements of either format, exactly as many as asked for, so that a sanitizer sees one too many.
class TestBuffer {
 public:
  TestBuffer(int64_t count, Format format)
      : format_(format),
        bytes_(static_cast<size_t>(count) * static_cast<size_t>(BytesOf(format))) {}

  void* data() const { return const_cast<char*>(bytes_.data()); }
  size_t size() const { return bytes_.size() / static_cast<size_t>(BytesOf(format_)); }
  float Get(int64_t i) const {
    if (format_ == Format::kFp32) return static_cast<const float*>(data())[i];
    return Dfp16::Decode(static_cast<const uint16_t*>(data())[i]);
  }
  void Set(int64_t i, float value) {
    if (format_ == Format::kFp32) {
      static_cast<float*>(data())[i] = value;
    } else {
      static_cast<uint16_t*>(data())[i] = Dfp16::Encode(value);
    }
  }
  bool SameBits(const TestBuffer& other, int64_t i) const {
    const size_t size = static_cast<size_t>(BytesOf(format_));
    return std::memcmp(bytes_.data() + static_cast<size_t>(i) * size,
                       other.bytes_.data() + static_cast<size_t>(i) * size, size) == 0;
  }

 private:
  Format format_;
  std::vector<char> bytes_;
};

/// A view over its own allocation: halo (top 1, bottom 2, left 2, right 1 unless told otherwise),
/// `gap` channels of other owners in each pixel, slack behind; everything filled with random
/// values, the halo too.
class TestView {
 public:
  struct Halo {
    int64_t top = 1, bottom = 2, left = 2, right = 1;
  };

  TestView(int64_t n, int64_t h, int64_t w, int64_t c, Format format, Rng& rng, int64_t gap)
      : TestView(n, h, w, c, format, rng, gap, Halo{}) {}
  TestView(int64_t n, int64_t h, int64_t w, int64_t c, Format format, Rng& rng, int64_t gap,
           Halo halo)
      : layout_(
            Layout::Dense(n, h, w, c + gap, format, halo.top, halo.bottom, halo.left, halo.right)),
        buffer_(layout_.extent() + kSlack, format) {
    layout_.channels = c;
    first_channel_ = gap / 2;
    for (size_t i = 0; i < buffer_.size(); ++i) {
      buffer_.Set(static_cast<int64_t>(i), static_cast<float>(rng.Normal()));
    }
  }

  const Layout& layout() const { return layout_; }
  View view() const {
    return {layout_,
            static_cast<char*>(buffer_.data()) + Offset(0, 0, 0, 0) * BytesOf(layout_.format)};
  }
  /// h and w may lie in the halo.
  float Get(int64_t n, int64_t h, int64_t w, int64_t c) const {
    return buffer_.Get(Offset(n, h, w, c));
  }
  void Set(int64_t n, int64_t h, int64_t w, int64_t c, float value) {
    buffer_.Set(Offset(n, h, w, c), value);
  }
  void FillHalo(float value) {
    for (const int64_t i : Elements(true)) buffer_.Set(i, value);
  }

  template <typename Function>
  void ForEach(Function&& function) const {
    for (int64_t n = 0; n < layout_.batch; ++n) {
      for (int64_t h = 0; h < layout_.height; ++h) {
        for (int64_t w = 0; w < layout_.width; ++w) {
          for (int64_t c = 0; c < layout_.channels; ++c) function(n, h, w, c);
        }
      }
    }
  }

  void ExpectOnlyInteriorDiffersFrom(const TestView& before) const {
    std::vector<bool> interior(buffer_.size());
    for (const int64_t i : Elements(false)) interior[static_cast<size_t>(i)] = true;
    for (size_t i = 0; i < buffer_.size(); ++i) {
      if (!interior[i]) {
        ASSERT_TRUE(buffer_.SameBits(before.buffer_, static_cast<int64_t>(i)))
            << "element " << i << " of the allocation is not the kernel's to write";
      }
    }
  }

  /// The halo is zero, and `slack` too when asked; every other element is as it was.
  void ExpectZeroHaloAndRestOf(const TestView& before, bool slack) const {
    std::vector<bool> zero(buffer_.size());
    for (const int64_t i : Elements(true)) zero[static_cast<size_t>(i)] = true;
    for (int64_t i = 0; slack && i < kSlack; ++i) {
      zero[static_cast<size_t>(layout_.extent() + i)] = true;
    }
    for (size_t i = 0; i < buffer_.size(); ++i) {
      if (zero[i]) {
        ASSERT_EQ(buffer_.Get(static_cast<int64_t>(i)), 0.0f) << i;
      } else {
        ASSERT_TRUE(buffer_.SameBits(before.buffer_, static_cast<int64_t>(i))) << i;
      }
    }
  }

 private:
  int64_t Offset(int64_t n, int64_t h, int64_t w, int64_t c) const {
    return layout_.interior() + first_channel_ + n * layout_.image_stride + h * layout_.row_stride +
           w * layout_.pixel_stride + c;
  }
  /// Offsets of this view's own elements: those of the halo, or those of the interior.
  std::vector<int64_t> Elements(bool halo) const {
    std::vector<int64_t> offsets;
    for (int64_t n = 0; n < layout_.batch; ++n) {
      for (int64_t h = -layout_.halo_top; h < layout_.height + layout_.halo_bottom; ++h) {
        for (int64_t w = -layout_.halo_left; w < layout_.width + layout_.halo_right; ++w) {
          const bool inside = h >= 0 && h < layout_.height && w >= 0 && w < layout_.width;
          for (int64_t c = 0; inside != halo && c < layout_.channels; ++c) {
            offsets.push_back(Offset(n, h, w, c));
          }
        }
      }
    }
    return offsets;
  }

  Layout layout_;
  TestBuffer buffer_;
  int64_t first_channel_ = 0;
};

}  // namespace deftnn
