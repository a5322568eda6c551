#include "deftnn/analysis/sensitivity.h"

#include <gtest/gtest.h>

#include <cmath>

#include "deftnn/base/rng.h"

namespace deftnn {
namespace {

using Values = std::vector<double>;

TEST(AnalysisSensitivity, MonotoneByHand) {
  const ErrorCurve c = MakeMonotone({{0.5, 0.1, 0.9, 0.3, 0.7}, {2, 9, 0, 1, 3}});
  EXPECT_EQ(c.fractions, (Values{0.1, 0.3, 0.5, 0.7, 0.9}));
  EXPECT_EQ(c.errors, (Values{9, 2, 2, 2, 0}));
  const ErrorCurve twice = MakeMonotone({{0.5, 0.5, 1}, {1, 3, 0}});
  EXPECT_EQ(twice.fractions, (Values{0.5, 1}));
  EXPECT_EQ(twice.errors, (Values{2, 0}));
  EXPECT_TRUE(MakeMonotone({}).fractions.empty());
}

// Against the min-max formula of isotonic regression (Robertson, Wright & Dykstra 1988).
TEST(AnalysisSensitivity, MonotoneIsTheLeastSquaresFit) {
  for (uint64_t seed = 1; seed <= 20; ++seed) {
    SCOPED_TRACE(testing::Message() << "seed " << seed);
    Rng rng(seed);
    ErrorCurve c;
    const int n = static_cast<int>(rng.Between(1, 9));
    for (int i = 0; i < n; ++i) {
      c.fractions.push_back(0.1 * i);
      c.errors.push_back(rng.Normal());
    }
    const ErrorCurve got = MakeMonotone(c);
    for (int i = 0; i < n; ++i) {
      double fit = INFINITY;
      for (int a = 0; a <= i; ++a) {
        double largest = -INFINITY;
        for (int b = i; b < n; ++b) {
          double mean = 0;
          for (int j = a; j <= b; ++j) mean += c.errors[j] / (b - a + 1);
          largest = std::max(largest, mean);
        }
        fit = std::min(fit, largest);
      }
      EXPECT_NEAR(got.errors[i], fit, 1e-12);
    }
  }
}

TEST(AnalysisSensitivity, InterpolatesLinearly) {
  const ErrorCurve c = {{0.2, 0.4, 1.0}, {6, 2, 0}};
  EXPECT_DOUBLE_EQ(Interpolate(c, 0.3), 4);
  EXPECT_DOUBLE_EQ(Interpolate(c, 0.4), 2);
  EXPECT_DOUBLE_EQ(Interpolate(c, 0.7), 1);
  EXPECT_DOUBLE_EQ(Interpolate(c, 0.0), 6);
  EXPECT_DOUBLE_EQ(Interpolate(c, 2.0), 0);
  EXPECT_DOUBLE_EQ(Interpolate({{0.5}, {3}}, 0.1), 3);
}

}  // namespace
}  // namespace deftnn
