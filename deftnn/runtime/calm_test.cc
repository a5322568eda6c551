#include "deftnn/runtime/calm.h"

#include <gtest/gtest.h>

#include <cmath>

#include "deftnn/base/rng.h"

namespace deftnn {
namespace {

// A machine on which work takes `factor(now)` times as long, and time passes while it is measured.
struct Machine {
  std::function<double(double)> factor;
  double now = 0;
  int measured = 0;

  Measurement Work(double ms) {
    return [this, ms] {
      ++measured;
      const double taken = ms * factor(now);
      now += taken;
      return taken;
    };
  }
};

std::vector<Measurement> Works(Machine& machine, const std::vector<double>& ms) {
  std::vector<Measurement> works;
  for (const double one : ms) works.push_back(machine.Work(one));
  return works;
}

const std::vector<double> kTimes = {1, 2, 0.5, 3, 0.25, 1.5};

TEST(MeasureCalmly, TakesOnePassOnACalmMachine) {
  Machine machine{[](double) { return 1.0; }};
  double calm = 0;
  EXPECT_EQ(MeasureCalmly(Works(machine, kTimes), machine.Work(0.125), calm), kTimes);
  EXPECT_EQ(calm, 0.125);
  // The gauge before the first one, then a measurement and the gauge each; once more the gauge.
  EXPECT_EQ(machine.measured, 2 * 6 + 2);
}

TEST(MeasureCalmly, WaitsForCalmMoments) {
  constexpr uint64_t kSeed = 5;
  SCOPED_TRACE(testing::Message() << "seed " << kSeed);
  Rng rng(kSeed);
  // Phases of 4 ms, two of three slow.
  std::vector<double> phases;
  for (int i = 0; i < 1000; ++i) phases.push_back(rng.Uniform() < 0.66 ? 3.0 : 1.0);
  Machine machine{[&](double now) { return phases[static_cast<size_t>(now / 4) % 1000]; }};
  double calm = 0;
  EXPECT_EQ(MeasureCalmly(Works(machine, kTimes), machine.Work(0.125), calm), kTimes);
  EXPECT_EQ(calm, 0.125);
}

// Calm for the first look at the gauge only.
TEST(MeasureCalmly, ReckonsWithTheGaugeWhereItIsNeverCalm) {
  Machine machine{[](double now) { return now > 0 ? 3.0 : 1.0; }};
  double calm = 0;
  const std::vector<double> got = MeasureCalmly(Works(machine, kTimes), machine.Work(0.125), calm);
  EXPECT_EQ(calm, 0.125);
  for (size_t i = 0; i < kTimes.size(); ++i) EXPECT_NEAR(got[i], kTimes[i], 1e-9) << i;
}

TEST(MeasureCalmly, RemembersHowFastTheMachineWas) {
  double factor = 1;
  Machine machine{[&](double) { return factor; }};
  double calm = 0;
  MeasureCalmly(Works(machine, {1}), machine.Work(0.125), calm);
  factor = 2;
  EXPECT_EQ(MeasureCalmly(Works(machine, {1}), machine.Work(0.125), calm), std::vector<double>{1});
  EXPECT_EQ(calm, 0.125);
}

TEST(MeasureCalmly, OfNothingIsNothing) {
  Machine machine{[](double) { return 1.0; }};
  double calm = 0;
  EXPECT_TRUE(MeasureCalmly({}, machine.Work(1), calm).empty());
}

}  // namespace
}  // namespace deftnn
