#include "deftnn/kernels/depthwise/depthwise.h"

#include <gtest/gtest.h>
#include <hwy/highway.h>

#include <cmath>
#include <limits>

#include "deftnn/base/half.h"
#include "deftnn/kernels/view_test.h"

namespace deftnn {
namespace {

TEST(DepthwiseKernels, EachFileIsCompiledForItsTarget) {
#if defined(__x86_64__)
  EXPECT_EQ(SelectDepthwise(Isa::kPortable).target, HWY_EMU128);
  EXPECT_EQ(SelectDepthwise(Isa::kAvx2).target, HWY_AVX2);
  EXPECT_EQ(SelectDepthwise(Isa::kAvx512).target, HWY_AVX3);
  EXPECT_EQ(SelectDepthwise(Isa::kAvx512Bf16).target, HWY_AVX3);
  EXPECT_EQ(SelectDepthwise(Isa::kAmxBf16).target, HWY_AVX3);
#endif
}

struct Problem {
  int64_t n = 1, h = 1, w = 1, c = 1, oh = 1, ow = 1;
  int64_t pad_bottom = 0, pad_right = 0;
  DepthwiseArgs args;
  std::vector<float> weights, bias, packed, blocks;

  /// The definition, in double, with padding as what lies outside the image; `size` gets the sum of
  /// the terms' magnitudes.
  double Oracle(const TestView& in, const TestView* residual, int64_t b, int64_t y, int64_t x,
                int64_t k, double& size) const {
    double sum = bias.empty() ? 0 : bias[static_cast<size_t>(k)];
    if (residual != nullptr) sum += residual->Get(b, y, x, k);
    size = std::abs(sum);
    for (int64_t i = 0; i < args.kernel_h; ++i) {
      for (int64_t j = 0; j < args.kernel_w; ++j) {
        const int64_t row = y * args.stride_h - args.pad_top + i * args.dilation_h;
        const int64_t column = x * args.stride_w - args.pad_left + j * args.dilation_w;
        if (row < 0 || column < 0 || row >= h || column >= w) continue;
        const double term =
            static_cast<double>(in.Get(b, row, column, k)) *
            weights[static_cast<size_t>((k * args.kernel_h + i) * args.kernel_w + j)];
        sum += term;
        size += std::abs(term);
      }
    }
    return sum;
  }
};

Problem RandomProblem(Rng& rng, int trial, Isa isa) {
  Problem p;
  DepthwiseArgs& args = p.args;
  const int64_t widths[] = {3, 3, 5, 5, 1, 2, 4, 7};
  args.kernel_w = widths[trial % 8];
  args.kernel_h = trial % 2 == 0 ? 3 : rng.Between(1, 5);
  args.stride_w = rng.Between(1, trial % 3 == 0 ? 3 : 2);
  args.stride_h = rng.Between(1, 3);
  args.dilation_h = trial % 4 == 0 ? 1 : rng.Between(1, 2);
  args.dilation_w = trial % 4 == 3 ? 2 : 1;
  args.pad_top = rng.Below(args.kernel_h), args.pad_left = rng.Below(args.kernel_w);
  p.pad_bottom = rng.Below(args.kernel_h), p.pad_right = rng.Below(args.kernel_w);
  const int64_t channels[] = {1, 3, 8, 16, 24, 32, 37, rng.Between(1, 70)};
  p.n = rng.Between(1, 2), p.c = channels[rng.Below(8)];
  p.oh = rng.Between(1, 5), p.ow = rng.Between(1, 18);
  const auto extent = [](int64_t out, int64_t stride, int64_t kernel, int64_t dilation,
                         int64_t pads) {
    return std::max<int64_t>(1, (out - 1) * stride + (kernel - 1) * dilation + 1 - pads);
  };
  p.h = extent(p.oh, args.stride_h, args.kernel_h, args.dilation_h, args.pad_top + p.pad_bottom);
  p.w = extent(p.ow, args.stride_w, args.kernel_w, args.dilation_w, args.pad_left + p.pad_right);
  // A small image under a large window needs more room on its far side.
  p.pad_bottom = std::max(p.pad_bottom, (p.oh - 1) * args.stride_h - args.pad_top +
                                            (args.kernel_h - 1) * args.dilation_h + 1 - p.h);
  p.pad_right = std::max(p.pad_right, (p.ow - 1) * args.stride_w - args.pad_left +
                                          (args.kernel_w - 1) * args.dilation_w + 1 - p.w);
  p.weights.resize(static_cast<size_t>(p.c * args.kernel_h * args.kernel_w));
  for (float& x : p.weights) x = DecodeBfloat16(EncodeBfloat16(static_cast<float>(rng.Normal())));
  if (rng.Below(3) != 0) p.bias.resize(static_cast<size_t>(p.c));
  for (float& x : p.bias) x = static_cast<float>(rng.Normal());
  p.packed.resize(static_cast<size_t>(PackedDepthwiseSize(p.c, args.kernel_h, args.kernel_w)));
  PackDepthwise(p.weights.data(), p.bias.empty() ? nullptr : p.bias.data(), p.c, args.kernel_h,
                args.kernel_w, p.packed.data());
  args.filter = p.packed.data();
  if (args.kernel_h == 3 && args.kernel_w == 3) {
    const DepthwisePacking packing = SelectDepthwise(isa).packing;
    p.blocks.resize(static_cast<size_t>(PackedDepthwise3x3Size(packing, p.c)));
    PackDepthwise3x3(packing, p.weights.data(), p.bias.empty() ? nullptr : p.bias.data(), p.c,
                     p.blocks.data());
    if (packing != DepthwisePacking::kNone) args.blocks = p.blocks.data();
  }
  const ActivationSpec activations[] = {{},
                                        {},
                                        {Activation::kRelu},
                                        {Activation::kClip, 0, 6},
                                        {Activation::kLeakyRelu, 0.1f},
                                        {Activation::kHardSwish},
                                        {Activation::kSigmoid}};
  args.activation = activations[rng.Below(7)];
  return p;
}

TEST(DepthwiseKernels, RandomConvolutionsMatchTheDefinition) {
  ThreadPool pool(2);
  for (const Isa isa : UsableIsas()) {
    Rng rng(51);
    for (int trial = 0; trial < 400; ++trial) {
      const Problem p = RandomProblem(rng, trial, isa);
      DepthwiseArgs args = p.args;
      Format formats[3];
      for (Format& format : formats) format = kFormats[rng.Below(2)];
      SCOPED_TRACE(fmt::format(
          "{} trial {}: {}x{}x{}x{} kernel {}x{} stride {}x{} dilation {}x{} {}->{} activation {}",
          NameOf(isa), trial, p.n, p.h, p.w, p.c, args.kernel_h, args.kernel_w, args.stride_h,
          args.stride_w, args.dilation_h, args.dilation_w, NameOf(formats[0]), NameOf(formats[1]),
          static_cast<int>(args.activation.kind)));
      const TestView::Halo halo = {args.pad_top + rng.Below(2), p.pad_bottom + rng.Below(2),
                                   args.pad_left + rng.Below(2), p.pad_right + rng.Below(2)};
      TestView in(p.n, p.h, p.w, p.c, formats[0], rng, rng.Below(2) * 4, halo);
      in.FillHalo(0);
      TestView out(p.n, p.oh, p.ow, p.c, formats[1], rng, rng.Below(2) * 5);
      const TestView residual(p.n, p.oh, p.ow, p.c, formats[2], rng, rng.Below(2) * 3);
      const bool add = rng.Below(2) != 0;
      args.input = in.view(), args.output = out.view();
      if (add) args.residual = residual.view();
      const TestView before = out;
      RunDepthwise(SelectDepthwise(isa), args, pool);
      out.ForEach([&](int64_t n, int64_t h, int64_t w, int64_t c) {
        double size = 0;
        const double sum = p.Oracle(in, add ? &residual : nullptr, n, h, w, c, size);
        const double expected = Activate(args.activation, static_cast<float>(sum));
        const double step = formats[1] == Format::kFp32 ? 0 : 0x1.02p-8;
        ASSERT_NEAR(out.Get(n, h, w, c), expected,
                    40 * 0x1p-24 * (size + 1) + step * std::abs(expected));
      });
      out.ExpectOnlyInteriorDiffersFrom(before);
    }
  }
}

TEST(DepthwiseKernels, ThreadsAndResidualInPlaceGiveTheSame) {
  ThreadPool one(1), three(3);
  Rng rng(52);
  for (const Isa isa : UsableIsas()) {
    TestView in(2, 30, 30, 70, Format::kDfp16, rng, 0);
    in.FillHalo(0);
    TestView a(2, 30, 30, 70, Format::kFp32, rng, 0), b = a;
    const TestView residual = a;
    std::vector<float> weights(70 * 9), packed(PackedDepthwiseSize(70, 3, 3));
    for (float& x : weights) x = static_cast<float>(rng.Normal());
    PackDepthwise(weights.data(), nullptr, 70, 3, 3, packed.data());
    DepthwiseArgs args;
    args.kernel_h = args.kernel_w = 3;
    args.pad_top = args.pad_left = 1;
    args.filter = packed.data();
    args.input = in.view();
    args.output = a.view(), args.residual = residual.view();
    RunDepthwise(SelectDepthwise(isa), args, one);
    args.output = args.residual = b.view();
    RunDepthwise(SelectDepthwise(isa), args, three);
    a.ForEach([&](int64_t n, int64_t h, int64_t w, int64_t c) {
      ASSERT_EQ(a.Get(n, h, w, c), b.Get(n, h, w, c));
    });
  }
}

TEST(DepthwiseKernels, NanReachesTheWindowAndNothingElse) {
  ThreadPool pool(1);
  Rng rng(53);
  for (const Isa isa : UsableIsas()) {
    for (const Format format : kFormats) {
      SCOPED_TRACE(fmt::format("{} {}", NameOf(isa), NameOf(format)));
      TestView in(1, 9, 9, 21, format, rng, 0), out(1, 9, 9, 21, format, rng, 0);
      in.FillHalo(0);
      in.Set(0, 4, 4, 20, std::numeric_limits<float>::quiet_NaN());
      std::vector<float> weights(21 * 9, 1.0f), packed(PackedDepthwiseSize(21, 3, 3));
      PackDepthwise(weights.data(), nullptr, 21, 3, 3, packed.data());
      const DepthwisePacking packing = SelectDepthwise(isa).packing;
      std::vector<float> blocks(static_cast<size_t>(PackedDepthwise3x3Size(packing, 21)));
      PackDepthwise3x3(packing, weights.data(), nullptr, 21, blocks.data());
      DepthwiseArgs args;
      args.kernel_h = args.kernel_w = 3;
      args.pad_top = args.pad_left = 1;
      args.filter = packed.data();
      if (packing != DepthwisePacking::kNone) args.blocks = blocks.data();
      args.activation = {Activation::kRelu};
      args.input = in.view(), args.output = out.view();
      RunDepthwise(SelectDepthwise(isa), args, pool);
      out.ForEach([&](int64_t n, int64_t h, int64_t w, int64_t c) {
        const bool near = c == 20 && std::abs(h - 4) <= 1 && std::abs(w - 4) <= 1;
        ASSERT_EQ(std::isnan(out.Get(n, h, w, c)), near) << h << " " << w << " " << c;
      });
    }
  }
}

}  // namespace
}  // namespace deftnn
