#include "deftnn/tune/optimizer.h"

#include <gtest/gtest.h>

#include <cmath>

namespace deftnn {
namespace {

// Both against the recurrences of the papers, in double precision.
TEST(Optimizer, FollowsAdam) {
  const StepOptions options{.descent = Descent::kAdam, .decay = 0.1};
  std::vector<float> values{1.0f, -2.0f};
  Moments moments{{0, 0}, {0, 0}};
  double value = -2, first = 0, second = 0;
  for (int step = 1; step <= 20; ++step) {
    const float gradient = 0.1f * static_cast<float>(step) - 0.7f;
    TakeStep(options, step, 0.01, true, values, std::vector<float>{0.0f, gradient}, moments);
    first = 0.9 * first + 0.1 * gradient;
    second = 0.999 * second + 0.001 * double{gradient} * gradient;
    value *= 1 - 0.01 * 0.1;
    value -= 0.01 * (first / (1 - std::pow(0.9, step))) /
             (std::sqrt(second / (1 - std::pow(0.999, step))) + 1e-8);
    EXPECT_NEAR(values[1], value, 1e-5) << "step " << step;
  }
  EXPECT_NEAR(values[0], std::pow(1 - 0.001, 20), 1e-6);  // no gradient: decay alone
}

TEST(Optimizer, FollowsNesterov) {
  const StepOptions options{.descent = Descent::kSgd, .momentum = 0.8};
  std::vector<float> values{0.5f};
  Moments moments{{0}, {}};
  double value = 0.5, velocity = 0;
  for (int step = 1; step <= 10; ++step) {
    const float gradient = values[0];
    TakeStep(options, step, 0.1, false, values, std::vector<float>{gradient}, moments);
    velocity = 0.8 * velocity + gradient;
    value -= 0.1 * (gradient + 0.8 * velocity);
    EXPECT_NEAR(values[0], value, 1e-5) << "step " << step;
  }
}

TEST(Schedule, RisesThenFallsToZero) {
  EXPECT_DOUBLE_EQ(ScheduleAt(0, 100, 0), 1.0);
  EXPECT_LT(ScheduleAt(0, 100, 0.1), 0.2);
  EXPECT_DOUBLE_EQ(ScheduleAt(10, 100, 0.1), 1.0);
  for (int64_t step = 0; step + 1 < 100; ++step) {
    const double now = ScheduleAt(step, 100, 0.1), next = ScheduleAt(step + 1, 100, 0.1);
    EXPECT_EQ(step<10, next> now) << step;
    EXPECT_GT(now, 0);
    EXPECT_LE(now, 1);
  }
  EXPECT_LT(ScheduleAt(99, 100, 0.1), 0.001);
  EXPECT_DOUBLE_EQ(ScheduleAt(0, 1, 0.05), 1.0);
}

}  // namespace
}  // namespace deftnn
