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

TEST(Splits, TooFewSamplesAreAnError) {
  OptimizeOptions options;
  options.calibration = "train.npz";
  const auto one = Split(Samples(1), Samples(5), 1, options);
  ASSERT_FALSE(one.ok());
  EXPECT_NE(one.status().ToString().find("train.npz"), std::string::npos);
  EXPECT_TRUE(Split(Samples(2), Samples(5), 1, options).ok());
  EXPECT_FALSE(Split(Samples(7), Samples(5), 8, options).ok());
  EXPECT_FALSE(Split(Samples(2), std::nullopt, 1, {}).ok());
}

TEST(Splits, PartsAreWholeBatches) {
  const Splits splits = Split(Samples(1001), std::nullopt, 4, {}).value();
  for (const Dataset* part :
       {&splits.statistics, &splits.curves, &splits.selection, &splits.report, &splits.trial}) {
    EXPECT_GT(part->size(), 0);
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
