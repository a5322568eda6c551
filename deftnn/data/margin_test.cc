#include "deftnn/data/margin.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "deftnn/base/rng.h"

namespace deftnn {
namespace {

TEST(Margin, IsTheLabelsLead) {
  const float nan = std::numeric_limits<float>::quiet_NaN();
  const Tensor outputs =
      Tensor::Of<float>({4, 3}, {1, 3, 2, /**/ 1, 3, 2, /**/ 5, 5, 0, /**/ 1, nan, 0});
  const auto margins = Margins(outputs, std::vector<int64_t>{1, 0, 0, 0});
  ASSERT_TRUE(margins.ok());
  EXPECT_EQ((*margins)[0], 1);
  EXPECT_EQ((*margins)[1], -2);
  EXPECT_EQ((*margins)[2], 0);
  EXPECT_LT((*margins)[3], -1e29);
  EXPECT_EQ(*BestClasses(Tensor::Of<float>({2, 3}, {1, 3, 2, 5, 5, 0})),
            (std::vector<int64_t>{1, 0}));
}

TEST(Margin, RefusesWhatHasNoOneRowASample) {
  const Tensor pixels = Tensor::Zeros(ElementType::kFloat32, {2, 3, 4, 4});
  EXPECT_FALSE(Margins(pixels, std::vector<int64_t>{0, 0}).ok());
  EXPECT_FALSE(BestClasses(pixels).ok());
  const Tensor rows = Tensor::Zeros(ElementType::kFloat32, {2, 3});
  EXPECT_FALSE(Margins(rows, std::vector<int64_t>{0, 3}).ok());
  EXPECT_FALSE(Margins(rows, std::vector<int64_t>{0}).ok());
}

TEST(SmoothedDrop, NothingChangedIsNothingLost) {
  const std::vector<double> margins = {-1, 0.5, 2, 3, -4};
  EXPECT_EQ(SmoothedDrop(margins, margins).points, 0);
  EXPECT_EQ(SmoothedDrop({}, {}).points, 0);
}

TEST(SmoothedDrop, BrokenOutputsLoseEverything) {
  const std::vector<double> before(50, 2.0), after(50, -1e30);
  EXPECT_NEAR(SmoothedDrop(before, after).points, 100, 1e-9);
}

// Drawn again and again, the estimate has the mean of counting and less scatter.
TEST(SmoothedDrop, AgreesWithCountingAndScattersLess) {
  Rng rng(5);
  const int64_t n = 2000, draws = 200;
  std::vector<double> before(n);
  for (double& m : before) m = 1.5 + rng.Normal();
  double counted_sum = 0, counted_squares = 0, smoothed_sum = 0, smoothed_squares = 0;
  for (int64_t draw = 0; draw < draws; ++draw) {
    std::vector<double> after = before;
    for (double& m : after) m += 0.2 * rng.Normal() - 0.02;
    double counted = 0;
    for (int64_t i = 0; i < n; ++i) counted += (before[i] > 0) - (after[i] > 0);
    counted *= 100.0 / n;
    const double smoothed = SmoothedDrop(before, after).points;
    counted_sum += counted;
    counted_squares += counted * counted;
    smoothed_sum += smoothed;
    smoothed_squares += smoothed * smoothed;
  }
  const double counted = counted_sum / draws, smoothed = smoothed_sum / draws;
  const double counted_deviation = std::sqrt(counted_squares / draws - counted * counted);
  const double smoothed_deviation = std::sqrt(smoothed_squares / draws - smoothed * smoothed);
  EXPECT_NEAR(smoothed, counted, 4 * counted_deviation / std::sqrt(draws));
  EXPECT_LT(smoothed_deviation, 0.75 * counted_deviation);
}

}  // namespace
}  // namespace deftnn
