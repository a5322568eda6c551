// Every kernel that this CPU runs against a scalar oracle in double, on random products.
#include "deftnn/kernels/gemm/gemm.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <limits>
#include <string>

#include "deftnn/base/half.h"
#include "deftnn/base/rng.h"
#include "deftnn/base/tensor.h"

namespace deftnn::gemm {
namespace {

// A tensor with its halo (zeros) and everything that no kernel may write filled with `filler`.
struct Buffer {
  Layout layout;
  std::shared_ptr<std::byte> bytes;

  Buffer() = default;
  Buffer(const Layout& of, float filler) : layout(of) {
    const int64_t count = layout.extent() + kSlack;
    bytes = AllocateAligned(count * BytesOf(layout.format));
    for (int64_t i = 0; i < layout.extent(); ++i) SetAt(i, filler);
  }
  void SetAt(int64_t i, float value) {
    if (layout.format == Format::kFp32) {
      reinterpret_cast<float*>(bytes.get())[i] = value;
    } else {
      reinterpret_cast<uint16_t*>(bytes.get())[i] = EncodeBfloat16(value);
    }
  }
  float GetAt(int64_t i) const {
    return layout.format == Format::kFp32
               ? reinterpret_cast<const float*>(bytes.get())[i]
               : DecodeBfloat16(reinterpret_cast<const uint16_t*>(bytes.get())[i]);
  }
  int64_t Index(int64_t n, int64_t h, int64_t w, int64_t c) const {
    return layout.interior() + n * layout.image_stride + h * layout.row_stride +
           w * layout.pixel_stride + c;
  }
  void* origin() const { return bytes.get() + layout.interior() * BytesOf(layout.format); }
};

struct Case {
  GemmSpec spec;
  Layout in, out, residual;
  bool has_residual = false;
  std::vector<float> weights, bias;
};

std::string Describe(const Case& c) {
  const GemmSpec& s = c.spec;
  return fmt::format(
      "outputs {} channels {} kernel {}x{} stride {}x{} dilation {}x{} pad {}x{} kept {}/{} {} -> "
      "{} "
      "residual {} {} activation {} batch {} out {}x{} pixel strides {} {} contiguous {}",
      s.outputs, s.channels, s.kernel_h, s.kernel_w, s.stride_h, s.stride_w, s.dilation_h,
      s.dilation_w, s.pad_top, s.pad_left, s.entries.size(), s.full_k(), NameOf(s.format),
      NameOf(c.out.format), c.has_residual, NameOf(c.residual.format),
      static_cast<int>(s.activation.kind), c.out.batch, c.out.height, c.out.width,
      c.in.pixel_stride, c.out.pixel_stride, s.contiguous_pixels);
}

Layout Widen(Layout layout, int64_t pixel_stride) {
  layout.row_stride = layout.row_stride / layout.pixel_stride * pixel_stride;
  layout.image_stride = layout.image_stride / layout.pixel_stride * pixel_stride;
  layout.pixel_stride = pixel_stride;
  return layout;
}

Case RandomCase(Rng& rng, Format format) {
  Case c;
  GemmSpec& s = c.spec;
  s.format = format;
  const bool matmul = rng.Below(4) == 0;
  s.outputs = rng.Below(6) == 0 ? rng.Between(1, 200) : rng.Between(1, 70);
  s.channels = rng.Below(3) == 0 ? rng.Between(1, 3) : rng.Between(1, matmul ? 300 : 40);
  int64_t batch = 1, height = 1, width = 1;
  if (matmul) {
    width = rng.Below(2) == 0 ? 1 : rng.Between(1, 30);
  } else {
    batch = rng.Between(1, 2);
    s.kernel_h = rng.Between(1, 4), s.kernel_w = rng.Between(1, 4);
    s.stride_h = rng.Between(1, 3), s.stride_w = rng.Between(1, 3);
    s.dilation_h = rng.Between(1, 2), s.dilation_w = rng.Between(1, 2);
    s.pad_top = rng.Between(0, 2), s.pad_left = rng.Between(0, 2);
    height = rng.Between(1, 9), width = rng.Between(1, 17);
  }
  const int64_t in_h = std::max<int64_t>(
      1, (height - 1) * s.stride_h + (s.kernel_h - 1) * s.dilation_h + 1 - s.pad_top - 1);
  const int64_t in_w = std::max<int64_t>(
      1, (width - 1) * s.stride_w + (s.kernel_w - 1) * s.dilation_w + 1 - s.pad_left - 1);
  c.in = Layout::Dense(batch, in_h, in_w, s.channels, format, s.pad_top + rng.Below(2), 2,
                       s.pad_left, 2 + rng.Below(2));
  s.contiguous_pixels = rng.Below(2) == 0;
  if (!s.contiguous_pixels) c.in = Widen(c.in, s.channels + rng.Below(4));
  c.out = Layout::Dense(batch, height, width, s.outputs,
                        rng.Below(2) == 0 ? Format::kFp32 : Format::kDfp16, rng.Below(2),
                        rng.Below(2), rng.Below(2), rng.Below(2));
  c.out = Widen(c.out, s.outputs + rng.Below(3) * 5);
  c.has_residual = rng.Below(2) == 0;
  c.residual = Widen(Layout::Dense(batch, height, width, s.outputs,
                                   rng.Below(2) == 0 ? Format::kFp32 : Format::kDfp16, 0, 1, 1, 0),
                     s.outputs + rng.Below(2) * 3);
  const double kept = rng.Below(2) == 0 ? 1.0 : rng.Uniform();
  for (int64_t k = 0; k < s.full_k(); ++k) {
    if (rng.Uniform() < kept) s.entries.push_back(k);
  }
  s.activation.kind = static_cast<Activation>(rng.Below(8));
  s.activation.alpha = s.activation.kind == Activation::kClip ? -0.5f : 0.2f;
  s.activation.beta = 0.5f;
  for (int64_t i = 0; i < s.outputs * static_cast<int64_t>(s.entries.size()); ++i) {
    c.weights.push_back(static_cast<float>(rng.Normal()));
  }
  if (rng.Below(4) != 0) {
    for (int64_t i = 0; i < s.outputs; ++i) c.bias.push_back(static_cast<float>(rng.Normal()));
  }
  return c;
}

// Random inside, zero in the halo; what lies between the pixels of a slice is finite and not zero.
Buffer RandomBuffer(const Layout& layout, Rng& rng) {
  Buffer buffer(layout, 0.0f);
  for (int64_t n = 0; n < layout.batch; ++n) {
    for (int64_t h = 0; h < layout.height; ++h) {
      for (int64_t w = 0; w < layout.width; ++w) {
        for (int64_t c = 0; c < layout.pixel_stride; ++c) {
          if (buffer.Index(n, h, w, c) < layout.extent()) {
            buffer.SetAt(buffer.Index(n, h, w, c), static_cast<float>(rng.Normal()));
          }
        }
      }
    }
  }
  return buffer;
}

struct Expected {
  double value, scale;  // scale: the sum of magnitudes, for the tolerance
};

Expected Oracle(const Case& c, const Buffer& x, const Buffer& residual, int64_t n, int64_t h,
                int64_t w, int64_t o) {
  const GemmSpec& s = c.spec;
  const int64_t kept = static_cast<int64_t>(s.entries.size());
  double sum = c.bias.empty() ? 0.0 : c.bias[o], scale = std::abs(sum);
  for (int64_t k = 0; k < kept; ++k) {
    const int64_t position = s.entries[k] / s.channels, channel = s.entries[k] % s.channels;
    const int64_t row = h * s.stride_h - s.pad_top + position / s.kernel_w * s.dilation_h;
    const int64_t column = w * s.stride_w - s.pad_left + position % s.kernel_w * s.dilation_w;
    if (row < 0 || row >= x.layout.height || column < 0 || column >= x.layout.width) continue;
    float weight = c.weights[o * kept + k];
    if (s.format == Format::kDfp16) weight = DecodeBfloat16(EncodeBfloat16(weight));
    const double term = double{weight} * x.GetAt(x.Index(n, row, column, channel));
    sum += term;
    scale += std::abs(term);
  }
  if (c.has_residual) {
    const double term = residual.GetAt(residual.Index(n, h, w, o));
    sum += term;
    scale += std::abs(term);
  }
  return {Activate(s.activation, static_cast<float>(sum)), scale};
}

class GemmKernelTest : public ::testing::TestWithParam<const Kernel*> {
 protected:
  void SetUp() override {
    if (!Supports(GetParam()->isa)) {
      GTEST_SKIP() << "this CPU does not run " << NameOf(GetParam()->isa);
    }
  }
};

void CheckCase(const Case& c, const Kernel& kernel, Rng& rng) {
  SCOPED_TRACE(Describe(c));
  const Buffer x = RandomBuffer(c.in, rng), residual = RandomBuffer(c.residual, rng);
  constexpr float kUntouched = 77.0f;
  Buffer y(c.out, kUntouched);
  const BoundProduct bound = Bind(Pack(c.spec, c.weights, c.bias, kernel), c.in, c.out,
                                  c.has_residual ? &c.residual : nullptr);
  ThreadPool pool(static_cast<int>(rng.Between(1, 3)));
  Run(bound, x.origin(), y.origin(), c.has_residual ? residual.origin() : nullptr, pool);

  std::vector<bool> written(c.out.extent(), false);
  for (int64_t n = 0; n < c.out.batch; ++n) {
    for (int64_t h = 0; h < c.out.height; ++h) {
      for (int64_t w = 0; w < c.out.width; ++w) {
        for (int64_t o = 0; o < c.spec.outputs; ++o) {
          const int64_t at = y.Index(n, h, w, o);
          written[at] = true;
          const Expected expected = Oracle(c, x, residual, n, h, w, o);
          // Sums of float32 products in any order, then one rounding to the output's format; the
          // activations are accurate to a few units in the last place.
          const double tolerance =
              expected.scale * 16 * std::numeric_limits<float>::epsilon() + 1e-6 +
              (c.out.format == Format::kDfp16 ? std::abs(expected.value) * 0x1p-8 * 1.01 : 0);
          ASSERT_NEAR(y.GetAt(at), expected.value, tolerance)
              << "n " << n << " h " << h << " w " << w << " output " << o;
        }
      }
    }
  }
  for (int64_t i = 0; i < c.out.extent(); ++i) {
    if (!written[i]) {
      ASSERT_EQ(y.GetAt(i), DecodeBfloat16(EncodeBfloat16(kUntouched))) << i;
    }
  }
}

TEST_P(GemmKernelTest, MatchesTheOracleOnRandomProducts) {
  for (uint64_t seed = 1; seed <= 60; ++seed) {
    SCOPED_TRACE(fmt::format("seed {}", seed));
    Rng rng(seed);
    CheckCase(RandomCase(rng, GetParam()->format), *GetParam(), rng);
    if (HasFatalFailure()) return;
  }
}

INSTANTIATE_TEST_SUITE_P(Kernels, GemmKernelTest, ::testing::ValuesIn([] {
                           std::vector<const Kernel*> kernels;
                           for (const Kernel& kernel : AllKernels()) kernels.push_back(&kernel);
                           return kernels;
                         }()),
                         [](const auto& test) { return std::string(test.param->name); });

}  // namespace
}  // namespace deftnn::gemm
