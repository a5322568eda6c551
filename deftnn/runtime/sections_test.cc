#include "deftnn/runtime/sections.h"

#include <gtest/gtest.h>

#include "deftnn/base/rng.h"

namespace deftnn {
namespace {

constexpr int64_t kMega = 1 << 20;

TrafficCosts Costs() {
  TrafficCosts costs;
  costs.near_bytes = 2 * kMega;
  costs.far_bytes = 16 * kMega;
  return costs;
}

TEST(Sections, LargeActivationsGoInPartsAndLargeWeightsWhole) {
  const StepTraffic image = {true, 1e4, 3e6}, matrix = {true, 1e8, 1e4};
  const auto sections =
      ChooseSections({image, image, matrix, matrix}, {0, 1.5e6, 1e4, 5e3}, 16, Costs());
  ASSERT_EQ(sections.size(), 2);
  EXPECT_LT(sections[0].samples, 8);
  EXPECT_EQ(sections[0].end, 2);
  EXPECT_EQ(sections[1].samples, 16);
}

TEST(Sections, WhatFitsTheNearCacheStaysWhole) {
  const StepTraffic small = {true, 1e4, 1e4};
  const auto sections = ChooseSections({small, small, small}, {0, 5e3, 5e3}, 16, Costs());
  ASSERT_EQ(sections.size(), 1);
  EXPECT_EQ(sections[0].samples, 16);
}

TEST(Sections, EveryStepOnceAndRulesKept) {
  for (uint64_t seed = 0; seed < 200; ++seed) {
    SCOPED_TRACE(seed);
    Rng rng(seed);
    const int count = static_cast<int>(rng.Between(0, 12));
    const int64_t batch = rng.Between(1, 24);
    std::vector<StepTraffic> steps;
    std::vector<double> across;
    for (int i = 0; i < count; ++i) {
      steps.push_back({rng.Below(5) != 0, rng.Uniform() * 1e7, rng.Uniform() * 4e6});
      across.push_back(rng.Below(6) == 0 ? -1 : rng.Uniform() * 2e6);
    }
    int next = 0;
    for (const Section& section : ChooseSections(steps, across, batch, Costs())) {
      EXPECT_EQ(section.begin, next);
      EXPECT_LT(section.begin, section.end);
      EXPECT_EQ(batch % section.samples, 0);
      EXPECT_TRUE(section.begin == 0 || across[section.begin] >= 0);
      for (int i = section.begin; i < section.end; ++i) {
        EXPECT_TRUE(steps[i].by_sample || section.samples == batch);
      }
      next = section.end;
    }
    EXPECT_EQ(next, count);
  }
}

}  // namespace
}  // namespace deftnn
