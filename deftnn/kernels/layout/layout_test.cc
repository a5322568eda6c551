#include "deftnn/kernels/layout/layout.h"

#include <gtest/gtest.h>
#include <hwy/highway.h>

#include <cmath>

#include "deftnn/base/rng.h"
#include "deftnn/kernels/view_test.h"

namespace deftnn {
namespace {

TEST(LayoutKernels, EachFileIsCompiledForItsTarget) {
  EXPECT_EQ(SelectLayout(Isa::kPortable).isa, Isa::kPortable);
#if defined(__x86_64__)
  EXPECT_EQ(SelectLayout(Isa::kPortable).target, HWY_EMU128);
  EXPECT_EQ(SelectLayout(Isa::kAvx2).target, HWY_AVX2);
  EXPECT_EQ(SelectLayout(Isa::kAvx512).target, HWY_AVX3);
  EXPECT_EQ(SelectLayout(Isa::kAmxBf16).target, HWY_AVX3);
#endif
}

struct Case {
  int64_t n, h, w, c;
};

const Case kCases[] = {{1, 28, 28, 1},  {2, 5, 7, 3},   {1, 32, 33, 3}, {1, 1, 1, 1},
                       {2, 3, 17, 2},   {1, 4, 4, 16},  {3, 6, 5, 48},  {1, 7, 9, 37},
                       {1, 1, 1, 1000}, {1, 20, 48, 64}};

TEST(LayoutKernels, PlanesToViewAndBack) {
  ThreadPool pool(3);
  Rng rng(1);
  for (const Isa isa : UsableIsas()) {
    const LayoutKernel& kernel = SelectLayout(isa);
    for (const Case& shape : kCases) {
      for (const Format outer : kFormats) {
        for (const Format inner : kFormats) {
          for (const int64_t gap : {0, 5}) {
            SCOPED_TRACE(fmt::format("{} {}x{}x{}x{} {}->{} gap {}", NameOf(isa), shape.n, shape.h,
                                     shape.w, shape.c, NameOf(outer), NameOf(inner), gap));
            TestView view(shape.n, shape.h, shape.w, shape.c, inner, rng, gap);
            const TestView before = view;
            const int64_t count = shape.n * shape.h * shape.w * shape.c;
            TestBuffer planes(count, outer), back(count, outer);
            for (int64_t i = 0; i < count; ++i) planes.Set(i, static_cast<float>(rng.Normal()));
            FromPlanes(kernel, Planes::Dense(planes.data(), view.layout(), outer), view.view(),
                       pool);
            view.ForEach([&](int64_t n, int64_t h, int64_t w, int64_t c) {
              const int64_t i = ((n * shape.c + c) * shape.h + h) * shape.w + w;
              ASSERT_EQ(view.Get(n, h, w, c), RoundTo(inner, planes.Get(i)));
            });
            view.ExpectOnlyInteriorDiffersFrom(before);
            ToPlanes(kernel, view.view(), Planes::Dense(back.data(), view.layout(), outer), pool);
            for (int64_t i = 0; i < count; ++i) {
              ASSERT_EQ(back.Get(i), RoundTo(outer, RoundTo(inner, planes.Get(i)))) << i;
            }
          }
        }
      }
    }
  }
}

TEST(LayoutKernels, CopyConvertsAndKeepsToItsChannels) {
  ThreadPool pool(2);
  Rng rng(2);
  for (const Isa isa : UsableIsas()) {
    for (const Case& shape : kCases) {
      for (const Format from_format : kFormats) {
        for (const Format to_format : kFormats) {
          for (const int gaps : {0, 1, 2, 3}) {
            SCOPED_TRACE(fmt::format("{} c {} {}->{} gaps {}", NameOf(isa), shape.c,
                                     NameOf(from_format), NameOf(to_format), gaps));
            const TestView from(shape.n, shape.h, shape.w, shape.c, from_format, rng,
                                gaps & 1 ? 3 : 0);
            TestView to(shape.n, shape.h, shape.w, shape.c, to_format, rng, gaps & 2 ? 21 : 0);
            const TestView before = to;
            CopyView(SelectLayout(isa), from.view(), to.view(), pool);
            to.ForEach([&](int64_t n, int64_t h, int64_t w, int64_t c) {
              ASSERT_EQ(to.Get(n, h, w, c), RoundTo(to_format, from.Get(n, h, w, c)));
            });
            to.ExpectOnlyInteriorDiffersFrom(before);
          }
        }
      }
    }
  }
}

TEST(LayoutKernels, EveryCodeSurvivesAndEveryIsaRoundsAlike) {
  ThreadPool pool(1);
  for (const Isa isa : UsableIsas()) {
    SCOPED_TRACE(NameOf(isa));
    std::vector<uint16_t> codes(65536), back(65536);
    std::vector<float> values(65536);
    for (uint32_t i = 0; i < 65536; ++i) codes[i] = static_cast<uint16_t>(i);
    const Layout narrow = Layout::Dense(1, 1, 1, 65536, Format::kDfp16);
    const Layout wide = Layout::Dense(1, 1, 1, 65536, Format::kFp32);
    CopyView(SelectLayout(isa), {narrow, codes.data()}, {wide, values.data()}, pool);
    for (uint32_t i = 0; i < 65536; ++i) ASSERT_EQ(std::bit_cast<uint32_t>(values[i]), i << 16);
    for (const uint32_t low : {0u, 1u, 0x7fffu, 0x8000u, 0x8001u, 0xffffu}) {
      for (uint32_t i = 0; i < 65536; ++i) values[i] = std::bit_cast<float>(i << 16 | low);
      CopyView(SelectLayout(isa), {wide, values.data()}, {narrow, back.data()}, pool);
      for (uint32_t i = 0; i < 65536; ++i) ASSERT_EQ(back[i], Dfp16::Encode(values[i])) << i;
    }
  }
}

TEST(LayoutKernels, ZeroHaloClearsTheHaloOnly) {
  Rng rng(3);
  for (const Format format : kFormats) {
    for (const int64_t gap : {0, 4}) {
      for (const int64_t width : {1, 6}) {
        SCOPED_TRACE(fmt::format("{} gap {} width {}", NameOf(format), gap, width));
        TestView view(2, 3, width, 5, format, rng, gap);
        // NOLINTNEXTLINE(performance-unnecessary-copy-initialization): view.view() is written to
        const TestView before = view;
        ZeroHalo(view.view(), false);
        view.ExpectZeroHaloAndRestOf(before, false);
        if (gap != 0) continue;  // a slice does not own the slack
        ZeroHalo(view.view(), true);
        view.ExpectZeroHaloAndRestOf(before, true);
      }
    }
  }
}

TEST(LayoutKernels, ZeroHaloWithoutAHaloDoesNothing) {
  std::vector<float> data(24, 1.0f);
  ZeroHalo({Layout::Dense(2, 3, 2, 2, Format::kFp32), data.data()}, false);
  for (const float x : data) EXPECT_EQ(x, 1.0f);
}

}  // namespace
}  // namespace deftnn
