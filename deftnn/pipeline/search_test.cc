#include "deftnn/pipeline/search.h"

#include <gtest/gtest.h>

#include <cmath>

namespace deftnn {
namespace {

TEST(DropLaw, FindsTheFactorOfExactPoints) {
  std::vector<DropPoint> points;
  for (const double ratio : {1.5, 2.0, 3.0})
    points.push_back({ratio, 0.8 * std::log(ratio) * std::log(ratio)});
  const DropLaw law = FitDropLaw(points);
  EXPECT_NEAR(law.factor, 0.8, 1e-12);
  EXPECT_NEAR(law.Expect(law.RatioFor(0.4)), 0.4, 1e-12);
  EXPECT_EQ(law.Expect(1.0), 0.0);
}

TEST(DropLaw, NoiseOfTheProbesCancels) {
  const double x = std::log(2.0) * std::log(2.0);
  const DropLaw law = FitDropLaw({{2.0, 0.8 * x + 0.1}, {2.0, 0.8 * x - 0.1}});
  EXPECT_NEAR(law.factor, 0.8, 1e-12);
}

TEST(DropLaw, NothingLostIsNoDivisionByZero) {
  for (const auto& points : {std::vector<DropPoint>{}, std::vector<DropPoint>{{1.0, 0.3}},
                             std::vector<DropPoint>{{2.0, -0.5}}}) {
    const DropLaw law = FitDropLaw(points);
    EXPECT_GT(law.factor, 0);
    EXPECT_TRUE(std::isfinite(law.RatioFor(0.5)));
  }
}

}  // namespace
}  // namespace deftnn
