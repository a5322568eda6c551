#include "deftnn/kernels/reduce/reduce.h"

#include <gtest/gtest.h>
#include <hwy/highway.h>

#include <cmath>
#include <limits>
#include <vector>

#include "deftnn/kernels/view_test.h"

namespace deftnn {
namespace {

TEST(ReduceKernels, EachFileIsCompiledForItsTarget) {
#if defined(__x86_64__)
  EXPECT_EQ(SelectReduce(Isa::kPortable).target, HWY_EMU128);
  EXPECT_EQ(SelectReduce(Isa::kAvx2).target, HWY_AVX2);
  EXPECT_EQ(SelectReduce(Isa::kAvx512).target, HWY_AVX3);
#endif
}

TEST(ReduceKernels, SumsAndMeansAgainstFloat64) {
  ThreadPool one(1), two(2);
  Rng rng(41);
  for (const Isa isa : UsableIsas()) {
    for (int trial = 0; trial < 120; ++trial) {
      const int64_t inners[] = {1, 2, 15, 64, 65, 128, rng.Between(1, 300)};
      const int64_t counts[] = {0, 1, 31, 33, 512, 2100, rng.Between(1, 900)};
      SumArgs args;
      args.outer = rng.Between(1, 5), args.inner = inners[rng.Below(7)];
      args.count = counts[rng.Below(7)];
      args.divisor = trial % 2 == 0 ? 1 : static_cast<float>(args.count);
      SCOPED_TRACE(fmt::format("{} trial {}: {} x {} x {}", NameOf(isa), trial, args.outer,
                               args.count, args.inner));
      std::vector<float> x(static_cast<size_t>(args.outer * args.count * args.inner));
      for (float& v : x) v = static_cast<float>(rng.Normal() + 1);
      if (!x.empty()) x[x.size() / 2] = std::numeric_limits<float>::quiet_NaN();
      std::vector<float> y(static_cast<size_t>(args.outer * args.inner), 7), again = y;
      args.x = x.data(), args.y = y.data();
      RunSum(SelectReduce(isa), args, two);
      args.y = again.data();
      RunSum(SelectReduce(isa), args, one);
      for (int64_t o = 0; o < args.outer; ++o) {
        for (int64_t i = 0; i < args.inner; ++i) {
          double sum = 0, size = 0;
          for (int64_t k = 0; k < args.count; ++k) {
            const double v = x[static_cast<size_t>((o * args.count + k) * args.inner + i)];
            sum += v, size += std::abs(v);
          }
          const auto at = static_cast<size_t>(o * args.inner + i);
          const double expected = sum / args.divisor;
          ASSERT_EQ(std::isnan(expected), std::isnan(y[at]));
          if (std::isnan(expected)) continue;
          ASSERT_EQ(y[at], again[at]);
          ASSERT_NEAR(y[at], expected, 4e-6 * size / args.divisor);
        }
      }
    }
  }
}

}  // namespace
}  // namespace deftnn
