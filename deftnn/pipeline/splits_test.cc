#include "deftnn/pipeline/splits.h"

#include <gtest/gtest.h>

#include <set>

namespace deftnn {
namespace {

Dataset Samples(int64_t count) {
  return Dataset::Of({{"x", Tensor::Zeros(ElementType::kFloat32, {count, 2})}}).value();
}

std::set<int64_t> IndicesOf(const Dataset& data) {
  return {data.indices().begin(), data.indices().end()};
}

TEST(Splits, NoSampleIsInTwoParts) {
  OptimizeOptions options;
  const Splits splits = Split(Samples(4000), std::nullopt, 1, options).value();
  size_t sum = 0;
  std::set<int64_t> all;
  for (const Dataset* part :
       {&splits.statistics, &splits.curves, &splits.selection, &splits.report}) {
    EXPECT_GT(part->size(), 0);
    const std::set<int64_t> indices = IndicesOf(*part);
    sum += indices.size();
    all.insert(indices.begin(), indices.end());
  }
  EXPECT_EQ(all.size(), sum);
  EXPECT_EQ(sum, 4000);
  EXPECT_EQ(splits.statistics.size(), 2000);
}

TEST(Splits, StatisticsGetMoreWhereAccuracyChoosesNothing) {
  OptimizeOptions options;
  options.reduce_macs = 2.0;
  options.format = "dfp16";
  ASSERT_TRUE(GivesAll(options));
  const Splits many = Split(Samples(4000), Samples(500), 1, options).value();
  EXPECT_EQ(many.statistics.size(), 4000 - kCurveSamples - kFewSelection);
  EXPECT_EQ(many.curves.size(), kCurveSamples);
  EXPECT_EQ(many.selection.size(), kFewSelection);
  EXPECT_EQ(many.report.size(), 500);
  // Too few for parts of their own: curves are not measured on what weights are fitted to.
  const Splits few = Split(Samples(300), Samples(500), 1, options).value();
  EXPECT_EQ(few.statistics.size(), 225);
  EXPECT_EQ(IndicesOf(few.curves), IndicesOf(few.selection));
  for (const int64_t index : few.curves.indices()) {
    EXPECT_FALSE(IndicesOf(few.statistics).contains(index));
  }
  // The report would be of the same data.
  EXPECT_EQ(Split(Samples(4000), std::nullopt, 1, options)->statistics.size(), 2000);
  options.format = "auto";
  EXPECT_FALSE(GivesAll(options));
}

TEST(Splits, TooFewSamplesAreAnError) {
  OptimizeOptions options;
  options.calibration = "train.npz";
  for (const bool given : {false, true}) {
    if (given) {
      options.reduce_macs = 2.0;
      options.format = "fp32";
    }
    const auto one = Split(Samples(1), Samples(5), 1, options);
    ASSERT_FALSE(one.ok());
    EXPECT_NE(one.status().ToString().find("train.npz"), std::string::npos);
    EXPECT_TRUE(Split(Samples(2), Samples(5), 1, options).ok());
    EXPECT_FALSE(Split(Samples(7), Samples(5), 8, options).ok());
  }
  EXPECT_FALSE(Split(Samples(2), std::nullopt, 1, {}).ok());
}

TEST(Splits, PartsAreWholeBatches) {
  const Splits splits = Split(Samples(1001), std::nullopt, 4, {}).value();
  for (const Dataset* part :
       {&splits.statistics, &splits.curves, &splits.selection, &splits.report}) {
    EXPECT_EQ(part->size() % 4, 0);
  }
}

TEST(Splits, FineTuningDoesNotLearnWhatItIsJudgedBy) {
  const Dataset samples = Samples(2000);
  const Splits splits = Split(samples, std::nullopt, 1, {}).value();
  const std::set<int64_t> left = IndicesOf(WithoutJudges(samples, splits, true));
  for (const Dataset* judge : {&splits.selection, &splits.report})
    for (const int64_t index : judge->indices()) EXPECT_FALSE(left.contains(index));
  EXPECT_EQ(static_cast<int64_t>(left.size()),
            2000 - splits.selection.size() - splits.report.size());
  EXPECT_EQ(WithoutJudges(samples, splits, false).size(), 2000 - splits.selection.size());
}

}  // namespace
}  // namespace deftnn
