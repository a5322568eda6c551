#include "deftnn/pipeline/conditioning.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "deftnn/analysis/gram.h"
#include "deftnn/base/rng.h"

namespace deftnn {
namespace {

using testing::HasSubstr;

constexpr int64_t kInputs = 40, kOutputs = 6;

// Rows of independent inputs: what is left says nothing about what is gone, so that any refit but
// the smallest follows chance.
LayerStatistics White(int64_t rows, uint64_t seed) {
  Rng rng(seed);
  std::vector<float> x(static_cast<size_t>(rows * kInputs));
  for (float& v : x) v = static_cast<float>(rng.Normal());
  auto accumulator = GramAccumulator::Create({.inputs = kInputs}).value();
  EXPECT_TRUE(accumulator.Add(rows, x.data()).ok());
  return accumulator.Finish().value();
}

LayerProblem Problem(int64_t rows) {
  LayerProblem problem;
  problem.outputs = kOutputs;
  problem.layout = {kInputs, 1};
  Rng rng(7);
  problem.weights.resize(kOutputs * kInputs);
  for (float& w : problem.weights) w = static_cast<float>(rng.Normal());
  problem.statistics = White(rows, 1);
  return problem;
}

Layer Named(const std::string& name) {
  Layer layer;
  layer.name = name;
  return layer;
}

TEST(Conditioning, HeldOutSamplesAskForMoreDamping) {
  const auto damping = ChooseDamping(Problem(24), White(4000, 2), "least-squares", nullptr);
  ASSERT_TRUE(damping.ok()) << damping.status().ToString();
  EXPECT_GT(*damping, Method().damping);
}

TEST(Conditioning, EnoughRowsKeepTheUsualDamping) {
  const auto damping = ChooseDamping(Problem(4000), White(4000, 2), "least-squares", nullptr);
  ASSERT_TRUE(damping.ok());
  EXPECT_EQ(*damping, Method().damping);
}

TEST(Conditioning, NoRefitNeedsNoDamping) {
  const auto damping = ChooseDamping(Problem(24), White(4000, 2), "none", nullptr);
  ASSERT_TRUE(damping.ok());
  EXPECT_EQ(*damping, Method().damping);
}

TEST(Conditioning, OneLineNamesTheLayersThatLackRows) {
  std::vector<Layer> layers = {Named("conv"), Named("fc"), Named("left alone")};
  layers[2].why_not = "because";
  const std::vector<LayerStatistics> statistics = {White(400, 1), White(20, 1), {}};
  const std::string warning = ConditionWarning(layers, statistics);
  EXPECT_THAT(warning, HasSubstr("1 layer to: fc (20 rows for 40 varying inputs); 4.0 times"));
  EXPECT_EQ(ShortOfRows(layers, statistics), std::vector<size_t>{1});
  layers[1].why_not = "because";
  EXPECT_EQ(ConditionWarning(layers, statistics), "");
}

TEST(Conditioning, ManyLayersAreCounted) {
  std::vector<Layer> layers;
  std::vector<LayerStatistics> statistics;
  for (int i = 0; i < 6; ++i) {
    layers.push_back(Named(fmt::format("fc{}", i)));
    statistics.push_back(White(10, 1));
  }
  EXPECT_THAT(ConditionWarning(layers, statistics),
              HasSubstr("fc3 (10 rows for 40 varying inputs) and 2 more"));
}

}  // namespace
}  // namespace deftnn
