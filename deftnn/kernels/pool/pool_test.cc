#include "deftnn/kernels/pool/pool.h"

#include <gtest/gtest.h>
#include <hwy/highway.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "deftnn/kernels/view_test.h"

namespace deftnn {
namespace {

TEST(PoolKernels, EachFileIsCompiledForItsTarget) {
#if defined(__x86_64__)
  EXPECT_EQ(SelectPool(Isa::kPortable).target, HWY_EMU128);
  EXPECT_EQ(SelectPool(Isa::kAvx2).target, HWY_AVX2);
  EXPECT_EQ(SelectPool(Isa::kAvx512Bf16).target, HWY_AVX3);
#endif
}

/// The definition, in double, one output element.
double Oracle(const PoolArgs& args, const TestView& in, int64_t n, int64_t oh, int64_t ow,
              int64_t c) {
  const Layout& layout = in.layout();
  double sum = 0, best = -std::numeric_limits<double>::infinity();
  int64_t inside = 0, padded = 0;
  for (int64_t i = 0; i < args.kernel_h; ++i) {
    for (int64_t j = 0; j < args.kernel_w; ++j) {
      const int64_t h = oh * args.stride_h - args.pad_top + i * args.dilation_h;
      const int64_t w = ow * args.stride_w - args.pad_left + j * args.dilation_w;
      padded += h < layout.height + args.pad_bottom && w < layout.width + args.pad_right;
      if (h < 0 || w < 0 || h >= layout.height || w >= layout.width) continue;
      ++inside;
      const double x = in.Get(n, h, w, c);
      sum += x;
      if (x > best || std::isnan(x)) best = x;
      if (std::isnan(best)) best = std::numeric_limits<double>::quiet_NaN();
    }
  }
  if (args.kind == PoolKind::kMax) return best;
  const int64_t count = args.count_include_pad ? padded : inside;
  return count == 0 ? 0 : sum / static_cast<double>(count);
}

void ExpectNear(double expected, float actual, Format format) {
  if (std::isnan(expected)) {
    ASSERT_TRUE(std::isnan(actual));
  } else if (std::isinf(expected)) {
    ASSERT_EQ(expected, actual);
  } else {
    const double step = format == Format::kFp32 ? 0x1p-23 : 0x1p-8;
    ASSERT_NEAR(actual, expected,
                (std::abs(expected) + 0.5) * step * (format == Format::kFp32 ? 8 : 1.01));
  }
}

void Check(PoolArgs args, const TestView& in, TestView& out, ThreadPool& pool, Isa isa) {
  args.input = in.view();
  args.output = out.view();
  const TestView before = out;
  RunPool(SelectPool(isa), args, pool);
  out.ForEach([&](int64_t n, int64_t h, int64_t w, int64_t c) {
    const double expected = Oracle(args, in, n, h, w, c);
    const float actual = out.Get(n, h, w, c);
    if (args.kind == PoolKind::kMax && !std::isnan(expected)) {
      ASSERT_EQ(actual, RoundTo(out.layout().format, static_cast<float>(expected)));
    }
    ExpectNear(expected, actual, out.layout().format);
  });
  out.ExpectOnlyInteriorDiffersFrom(before);
}

PoolArgs RandomWindow(Rng& rng) {
  PoolArgs args;
  args.kind = rng.Below(2) ? PoolKind::kMax : PoolKind::kAverage;
  args.kernel_h = rng.Between(1, 4), args.kernel_w = rng.Between(1, 4);
  args.stride_h = rng.Between(1, 3), args.stride_w = rng.Between(1, 3);
  args.dilation_h = rng.Between(1, 2), args.dilation_w = rng.Between(1, 2);
  args.pad_top = rng.Below(args.kernel_h), args.pad_left = rng.Below(args.kernel_w);
  args.pad_bottom = rng.Below(args.kernel_h), args.pad_right = rng.Below(args.kernel_w);
  args.count_include_pad = rng.Below(2) != 0;
  return args;
}

int64_t OutputExtent(int64_t in, int64_t pads, int64_t kernel, int64_t dilation, int64_t stride,
                     bool ceil) {
  const int64_t room = in + pads - (kernel - 1) * dilation - 1;
  return std::max<int64_t>(1, (room + (ceil ? stride - 1 : 0)) / stride + 1);
}

TEST(PoolKernels, RandomWindowsMatchTheDefinition) {
  ThreadPool pool(2);
  Rng rng(5);
  for (const Isa isa : UsableIsas()) {
    for (int trial = 0; trial < 150; ++trial) {
      const PoolArgs args = RandomWindow(rng);
      const int64_t n = rng.Between(1, 2), h = rng.Between(1, 11), w = rng.Between(1, 11);
      const int64_t channels[] = {1, 3, 16, 17, 48, 67, rng.Between(1, 140)};
      const int64_t c = channels[rng.Below(7)];
      const bool ceil = rng.Below(2) != 0;
      const int64_t oh = OutputExtent(h, args.pad_top + args.pad_bottom, args.kernel_h,
                                      args.dilation_h, args.stride_h, ceil);
      const int64_t ow = OutputExtent(w, args.pad_left + args.pad_right, args.kernel_w,
                                      args.dilation_w, args.stride_w, ceil);
      const Format from = kFormats[rng.Below(2)], to = kFormats[rng.Below(2)];
      SCOPED_TRACE(fmt::format(
          "{} trial {}: {}x{}x{}x{} {}->{} kernel {}x{} stride {}x{} dilation {}x{} pads {} {} {} "
          "{} kind {}",
          NameOf(isa), trial, n, h, w, c, NameOf(from), NameOf(to), args.kernel_h, args.kernel_w,
          args.stride_h, args.stride_w, args.dilation_h, args.dilation_w, args.pad_top,
          args.pad_left, args.pad_bottom, args.pad_right, static_cast<int>(args.kind)));
      TestView in(n, h, w, c, from, rng, rng.Below(2) * 6);
      in.FillHalo(rng.Below(2) != 0 ? 1e9f : std::numeric_limits<float>::quiet_NaN());
      TestView out(n, oh, ow, c, to, rng, rng.Below(2) * 3);
      Check(args, in, out, pool, isa);
    }
  }
}

TEST(PoolKernels, MaxIgnoresPaddingOfNegativeInputsAndKeepsNan) {
  ThreadPool pool(1);
  Rng rng(6);
  PoolArgs args;
  args.kernel_h = args.kernel_w = 3;
  args.pad_top = args.pad_left = args.pad_bottom = args.pad_right = 1;
  const float nan = std::numeric_limits<float>::quiet_NaN();
  for (const Isa isa : UsableIsas()) {
    for (const Format format : kFormats) {
      for (const float special : {nan, -nan, std::numeric_limits<float>::infinity(),
                                  -std::numeric_limits<float>::infinity()}) {
        SCOPED_TRACE(fmt::format("{} {} {}", NameOf(isa), NameOf(format), special));
        TestView in(1, 6, 6, 19, format, rng, 0), out(1, 6, 6, 19, format, rng, 0);
        in.FillHalo(0);
        in.ForEach([&](int64_t n, int64_t h, int64_t w, int64_t c) {
          in.Set(n, h, w, c, -1.0f - std::abs(in.Get(n, h, w, c)));
        });
        for (int64_t c = 0; c < 19; c += 2) in.Set(0, 2, 3, c, special);
        Check(args, in, out, pool, isa);
      }
    }
  }
}

TEST(PoolKernels, GlobalPools) {
  ThreadPool pool(2);
  Rng rng(7);
  for (const Isa isa : UsableIsas()) {
    for (const int64_t c : {1, 5, 16, 50, 64, 130}) {
      for (const bool maximum : {false, true}) {
        const Format from = kFormats[rng.Below(2)], to = kFormats[rng.Below(2)];
        const int64_t h = rng.Between(1, 30), w = rng.Between(1, 30);
        SCOPED_TRACE(fmt::format("{} {}x{}x{} max {} {}->{}", NameOf(isa), h, w, c, maximum,
                                 NameOf(from), NameOf(to)));
        TestView in(3, h, w, c, from, rng, 2), out(3, 1, 1, c, to, rng, 1);
        in.FillHalo(1e9f);
        if (maximum) in.Set(1, 0, 0, c / 2, std::numeric_limits<float>::quiet_NaN());
        PoolArgs args;
        args.kind = maximum ? PoolKind::kGlobalMax : PoolKind::kGlobalAverage;
        args.input = in.view(), args.output = out.view();
        const TestView before = out;
        RunPool(SelectPool(isa), args, pool);
        out.ExpectOnlyInteriorDiffersFrom(before);
        PoolArgs whole;
        whole.kind = maximum ? PoolKind::kMax : PoolKind::kAverage;
        whole.kernel_h = h, whole.kernel_w = w;
        out.ForEach([&](int64_t n, int64_t, int64_t, int64_t i) {
          ExpectNear(Oracle(whole, in, n, 0, 0, i), out.Get(n, 0, 0, i), to);
        });
      }
    }
  }
}

TEST(PoolKernels, ThreadsDoNotChangeTheResult) {
  Rng rng(8);
  ThreadPool one(1), three(3);
  TestView in(2, 40, 40, 70, Format::kFp32, rng, 0);
  TestView a(2, 39, 39, 70, Format::kFp32, rng, 0);
  TestView b = a;
  PoolArgs args;
  args.kind = PoolKind::kAverage;
  args.kernel_h = args.kernel_w = 2;
  args.input = in.view();
  for (const Isa isa : UsableIsas()) {
    args.output = a.view();
    RunPool(SelectPool(isa), args, one);
    args.output = b.view();
    RunPool(SelectPool(isa), args, three);
    a.ForEach([&](int64_t n, int64_t h, int64_t w, int64_t c) {
      ASSERT_EQ(a.Get(n, h, w, c), b.Get(n, h, w, c));
    });
  }
}

}  // namespace
}  // namespace deftnn
