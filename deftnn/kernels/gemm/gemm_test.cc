// Every kernel that this CPU runs against a scalar oracle in double, on random products.
#include "deftnn/kernels/gemm/gemm.h"

#include <gtest/gtest.h>
#include <hwy/highway.h>

#include <cmath>
#include <cstring>
#include <limits>
#include <string>

#include "deftnn/base/crc32c.h"
#include "deftnn/base/half.h"
#include "deftnn/base/rng.h"
#include "deftnn/base/tensor.h"
#include "deftnn/kernels/gemm/packed.h"

namespace deftnn::gemm {

extern const Code kAmxBf16Emulated;  // amx_bf16_emulated_test.cc

namespace {

// Runs everywhere; in no list, so that nothing selects it and no blob names it.
const Kernel& EmulatedAmx() {
  static const Kernel kernel = {"amx_bf16_emulated", Isa::kPortable, Format::kDfp16,
                                kAmxBf16Emulated};
  return kernel;
}

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
  s.activation.kind = static_cast<Activation>(rng.Below(10));
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
  const int threads = static_cast<int>(rng.Between(1, 3));
  ThreadPool pool(threads);
  const void* r = c.has_residual ? residual.origin() : nullptr;
  if (rng.Below(2) == 0) {
    Run(bound, x.origin(), y.origin(), r, pool);
  } else {  // shared out even where it is not worth it
    pool.Run([&](int share) { RunShare(bound, x.origin(), y.origin(), r, share, threads); });
  }

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

// What decides how a kernel of matrix tiles reads its inputs: rows of pixels long enough to be read
// in place or not, one line of pixels, strides, more pixels than a block, an odd number of vectors.
TEST_P(GemmKernelTest, TilesReadInPlaceAndCopied) {
  struct Shape {
    int64_t batch, height, width, channels, outputs, kernel, stride;
  };
  constexpr Shape kShapes[] = {
      {1, 3, 28, 32, 33, 3, 1},   // rows, all in place
      {2, 2, 27, 40, 48, 3, 1},   // rows; chunks that cross pixels are copied
      {1, 4, 29, 64, 20, 1, 2},   // stride
      {1, 7, 7, 64, 70, 3, 1},    // rows too short
      {3, 7, 7, 96, 64, 1, 1},    // one line over images
      {1, 40, 33, 3, 16, 3, 1},   // more pixels than a block, few entries
      {1, 1, 1, 320, 96, 1, 1},   // one pixel
      {3, 1, 20, 32, 24, 3, 1},   // one row in each image, with a halo
      {1, 36, 32, 32, 32, 1, 1},  // more pixels than a block, in place
      {1, 9, 20, 3, 40, 7, 2},    // windows: kernel rows of 21 entries
      {2, 28, 28, 1, 6, 5, 1},    // of 5; one vector: strips by four, and what is left
      {1, 33, 18, 16, 48, 3, 1},  // of 48, in two parts; blocks of one and of two vectors
      {1, 3, 10, 24, 16, 3, 1},   // short rows, in place for one vector
      {1, 14, 5, 150, 70, 1, 1},  // windows that overlap
  };
  Rng rng(17);
  for (const Shape& shape : kShapes) {
    // All entries, single ones, and groups of 32.
    for (const int64_t group : {0, 1, 32}) {
      Case c;
      GemmSpec& s = c.spec;
      s.format = GetParam()->format;
      s.outputs = shape.outputs, s.channels = shape.channels;
      s.kernel_h = s.kernel_w = shape.kernel, s.stride_h = s.stride_w = shape.stride;
      s.pad_top = s.pad_left = shape.kernel / 2;
      bool keep = true;
      for (int64_t k = 0; k < s.full_k(); ++k) {
        if (group > 0 && k % group == 0) keep = rng.Below(2) == 0;
        if (keep) s.entries.push_back(k);
      }
      const int64_t pad = shape.kernel / 2;
      c.in = Layout::Dense(shape.batch, (shape.height - 1) * shape.stride + 1,
                           (shape.width - 1) * shape.stride + 1, s.channels, s.format, pad, pad,
                           pad, pad);
      s.contiguous_pixels = true;
      c.out =
          Layout::Dense(shape.batch, shape.height, shape.width, s.outputs, s.format, 1, 0, 1, 1);
      c.residual = Layout::Dense(shape.batch, shape.height, shape.width, s.outputs, s.format);
      c.has_residual = rng.Below(2) == 0;
      s.activation.kind = Activation::kClip;
      s.activation.alpha = -2, s.activation.beta = 3;
      for (int64_t i = 0; i < s.outputs * static_cast<int64_t>(s.entries.size()); ++i) {
        c.weights.push_back(static_cast<float>(rng.Normal()));
      }
      CheckCase(c, *GetParam(), rng);
      if (HasFatalFailure()) return;
    }
  }
}

// A 3x3 convolution of 5 channels with half of K, bound to `kernel`.
struct Small {
  Case c;
  PackedProduct packed;
  Buffer x;

  explicit Small(const Kernel& kernel, int64_t outputs = 150, int64_t width = 17) {
    Rng rng(11);
    GemmSpec& s = c.spec;
    s.outputs = outputs, s.channels = 5, s.kernel_h = s.kernel_w = 3, s.pad_top = s.pad_left = 1;
    s.format = kernel.format;
    s.contiguous_pixels = true;
    for (int64_t k = 0; k < s.full_k(); ++k) {
      if (rng.Below(2) == 0) s.entries.push_back(k);
    }
    c.in = Layout::Dense(1, 9, width, s.channels, kernel.format, 1, 1, 1, 1);
    c.out = Layout::Dense(1, 9, width, outputs, Format::kFp32);
    for (size_t i = 0; i < outputs * s.entries.size(); ++i) {
      c.weights.push_back(static_cast<float>(rng.Normal()));
    }
    c.bias.assign(outputs, 0.25f);
    packed = Pack(s, c.weights, c.bias, kernel);
    x = RandomBuffer(c.in, rng);
  }
  std::vector<float> Outputs(const PackedProduct& product, int threads) const {
    Buffer y(c.out, 0);
    ThreadPool pool(threads);
    const BoundProduct bound = Bind(product, c.in, c.out);
    pool.Run([&](int share) { RunShare(bound, x.origin(), y.origin(), nullptr, share, threads); });
    const auto* values = reinterpret_cast<const float*>(y.bytes.get());
    return {values, values + c.out.extent()};
  }
};

TEST_P(GemmKernelTest, ThreadsChangeNoBit) {
  for (const int64_t width : {1, 4, 17}) {
    const Small small(*GetParam(), width == 4 ? 37 : 150, width);
    const std::vector<float> one = small.Outputs(small.packed, 1);
    for (const int threads : {2, 3, 5, 8}) {
      EXPECT_EQ(one, small.Outputs(small.packed, threads)) << threads << " threads";
    }
  }
}

TEST_P(GemmKernelTest, SumsOverSeveralBlocksOfK) {
  // Weights far beyond a quarter of any L2 cache.
  Rng rng(5);
  Case c;
  c.spec.outputs = 16, c.spec.channels = 20000, c.spec.format = GetParam()->format;
  for (int64_t k = 0; k < c.spec.channels; ++k) c.spec.entries.push_back(k);
  for (int64_t i = 0; i < c.spec.outputs * c.spec.channels; ++i) {
    c.weights.push_back(static_cast<float>(rng.Normal()));
  }
  c.in = Layout::Dense(1, 1, 11, c.spec.channels, c.spec.format);
  c.out = c.residual = Layout::Dense(1, 1, 11, c.spec.outputs, Format::kFp32);
  CheckCase(c, *GetParam(), rng);
}

TEST_P(GemmKernelTest, MorePixelsThanABlock) {
  Rng rng(6);
  Case c;
  c.spec.outputs = 20, c.spec.channels = 6, c.spec.format = GetParam()->format;
  for (int64_t k = 0; k < c.spec.channels; ++k) c.spec.entries.push_back(k);
  for (int64_t i = 0; i < c.spec.outputs * c.spec.channels; ++i) {
    c.weights.push_back(static_cast<float>(rng.Normal()));
  }
  c.in = Layout::Dense(2, 19, 23, c.spec.channels, c.spec.format);
  c.out = c.residual = Layout::Dense(2, 19, 23, c.spec.outputs, GetParam()->format);
  c.has_residual = true;
  CheckCase(c, *GetParam(), rng);
}

TEST_P(GemmKernelTest, NothingKeptLeavesTheBias) {
  Rng rng(3);
  Case c;
  c.spec.outputs = 19, c.spec.channels = 4, c.spec.format = GetParam()->format;
  c.spec.activation.kind = Activation::kRelu;
  for (int64_t i = 0; i < 19; ++i) c.bias.push_back(static_cast<float>(i) - 9.0f);
  c.in = Layout::Dense(1, 1, 7, 4, c.spec.format);
  c.out = c.residual = Layout::Dense(1, 1, 7, 19, Format::kFp32);
  CheckCase(c, *GetParam(), rng);
}

TEST_P(GemmKernelTest, NanReachesItsOwnPixelOnly) {
  for (const Activation kind :
       {Activation::kNone, Activation::kRelu, Activation::kClip, Activation::kLeakyRelu,
        Activation::kSigmoid, Activation::kHardSigmoid, Activation::kHardSwish, Activation::kTanh,
        Activation::kGelu, Activation::kGeluTanh}) {
    for (const Format format : {Format::kFp32, Format::kDfp16}) {
      SCOPED_TRACE(fmt::format("activation {} to {}", static_cast<int>(kind), NameOf(format)));
      GemmSpec spec;
      spec.outputs = 21, spec.channels = 6, spec.format = GetParam()->format;
      spec.entries = {0, 1, 2, 3, 4, 5};
      spec.activation = {kind, -1.0f, 1.0f};
      const Layout in = Layout::Dense(1, 1, 9, 6, spec.format);
      const Layout out = Layout::Dense(1, 1, 9, 21, format);
      Buffer x(in, 0.5f), y(out, 0);
      x.SetAt(4 * 6 + 3, std::numeric_limits<float>::quiet_NaN());
      const std::vector<float> weights(21 * 6, 0.25f);
      ThreadPool pool(1);
      gemm::Run(Bind(Pack(spec, weights, {}, *GetParam()), in, out), x.origin(), y.origin(),
                nullptr, pool);
      for (int64_t i = 0; i < out.extent(); ++i) {
        EXPECT_EQ(std::isnan(y.GetAt(i)), i / 21 == 4) << i;
      }
    }
  }
}

TEST_P(GemmKernelTest, ABlobLoadsAgain) {
  if (GetParam() == &EmulatedAmx()) GTEST_SKIP() << "the emulated kernel is in no list";
  const Small small(*GetParam());
  const std::span<const std::byte> bytes = small.packed.bytes();
  // Aligned in place, and copied when not.
  for (const size_t shift : {size_t{0}, size_t{3}}) {
    const std::shared_ptr<std::byte> copy = AllocateAligned(bytes.size() + shift);
    std::memcpy(copy.get() + shift, bytes.data(), bytes.size());
    const auto loaded = PackedProduct::Load({copy.get() + shift, bytes.size()}, copy);
    ASSERT_TRUE(loaded.ok()) << loaded.status().ToString();
    EXPECT_EQ(&loaded->kernel(), GetParam());
    EXPECT_EQ(small.Outputs(*loaded, 1), small.Outputs(small.packed, 1));
  }
}

TEST_P(GemmKernelTest, ADamagedBlobIsRefused) {
  if (GetParam() == &EmulatedAmx()) GTEST_SKIP() << "the emulated kernel is in no list";
  const Small small(*GetParam());
  const std::span<const std::byte> bytes = small.packed.bytes();
  const std::shared_ptr<std::byte> copy = AllocateAligned(bytes.size());
  const auto refused = [&](size_t size) {
    return !PackedProduct::Load({copy.get(), size}, copy).ok();
  };
  std::memcpy(copy.get(), bytes.data(), bytes.size());
  const PackedHeader header = small.packed.header();
  const size_t steps_end = header.steps_at + header.steps * sizeof(KStep);
  for (size_t at = 0; at < steps_end; ++at) {
    if (at >= sizeof(PackedHeader) && at < static_cast<size_t>(header.steps_at)) continue;
    copy.get()[at] ^= std::byte{0x11};
    EXPECT_TRUE(refused(bytes.size())) << "byte " << at;
    copy.get()[at] ^= std::byte{0x11};
  }
  EXPECT_FALSE(refused(bytes.size()));
  for (const size_t size : {size_t{0}, size_t{7}, sizeof(PackedHeader), bytes.size() - 64}) {
    EXPECT_TRUE(refused(size)) << "cut to " << size;
  }
  // With a checksum that fits, too: no step may leave the kernel's window.
  auto* forged = reinterpret_cast<PackedHeader*>(copy.get());
  reinterpret_cast<KStep*>(copy.get() + header.steps_at)->c = static_cast<int32_t>(header.channels);
  forged->checksum = 0;
  forged->checksum = Crc32c({copy.get() + header.steps_at, header.steps * sizeof(KStep)},
                            Crc32c({copy.get(), sizeof(PackedHeader)}));
  EXPECT_TRUE(refused(bytes.size()));
}

TEST(GemmCover, PairsTakeNeighboursAndStayInTheirRun) {
  GemmSpec spec;
  spec.channels = 3, spec.kernel_h = 2, spec.kernel_w = 3;
  for (int64_t k = 0; k < spec.full_k(); ++k) spec.entries.push_back(k);
  spec.contiguous_pixels = true;
  EXPECT_EQ(CoverEntries(spec, 1).size(), 18u);
  EXPECT_EQ(CoverEntries(spec, 2).size(), 10u);  // two rows of nine
  spec.contiguous_pixels = false;
  EXPECT_EQ(CoverEntries(spec, 2).size(), 12u);  // six pixels of three
  spec.contiguous_pixels = true, spec.dilation_w = 2;
  EXPECT_EQ(CoverEntries(spec, 2).size(), 12u);
  // The last channel alone takes the one before it along; a middle one takes the next.
  spec.entries = {2, 4, 5};
  const std::vector<KStep> steps = CoverEntries(spec, 2);
  ASSERT_EQ(steps.size(), 2u);
  EXPECT_EQ(steps[0].c, 1);
  EXPECT_EQ(steps[1].c, 1);
  EXPECT_EQ(steps[1].kw, 1);
}

TEST(GemmSelect, TakesTheBestIsaUnlessACostIsKnown) {
  GemmSpec spec;
  spec.outputs = 8, spec.channels = 8;
  for (const Isa isa : UsableIsas()) {
    for (const Format format : {Format::kFp32, Format::kDfp16}) {
      spec.format = format;
      const auto candidates = Candidates(spec, isa);
      ASSERT_FALSE(candidates.empty());
      for (size_t i = 0; i < candidates.size(); ++i) {
        EXPECT_LE(candidates[i]->isa, isa);
        EXPECT_EQ(candidates[i]->format, format);
        if (i > 0) {
          EXPECT_LE(candidates[i]->isa, candidates[i - 1]->isa);
        }
      }
      EXPECT_EQ(Select(spec, isa), candidates.front());
      const Kernel* last = candidates.back();
      EXPECT_EQ(Select(spec, isa, [&](const Kernel& k) { return &k == last ? 1.0 : 2.0; }), last);
      EXPECT_EQ(Select(spec, isa, [](const Kernel&) { return -1.0; }), candidates.front());
    }
  }
}

// What each file is compiled for; with the wrong flags Highway falls back without a word.
TEST(GemmTargets, EveryFileHasTheTargetOfItsIsa) {
  for (const Kernel& kernel : AllKernels()) {
    SCOPED_TRACE(kernel.name);
    const int64_t target = kernel.code.static_target;
    switch (kernel.isa) {
      case Isa::kPortable:
        EXPECT_TRUE(target == HWY_EMU128 || target == HWY_SCALAR) << target;
        break;
      case Isa::kAvx2:
        EXPECT_EQ(target, HWY_AVX2);
        break;
      default:
        EXPECT_EQ(target, HWY_AVX3);
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Kernels, GemmKernelTest, ::testing::ValuesIn([] {
                           std::vector<const Kernel*> kernels;
                           for (const Kernel& kernel : AllKernels()) kernels.push_back(&kernel);
                           kernels.push_back(&EmulatedAmx());
                           return kernels;
                         }()),
                         [](const auto& test) { return std::string(test.param->name); });

}  // namespace
}  // namespace deftnn::gemm
