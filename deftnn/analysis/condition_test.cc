#include "deftnn/analysis/condition.h"

#include <gtest/gtest.h>

namespace deftnn {
namespace {

LayerStatistics Diagonal(const std::vector<double>& variance, int64_t count) {
  LayerStatistics s;
  s.count = count;
  const auto k = static_cast<int64_t>(variance.size());
  s.mean.resize(k);
  s.gram = Matrix(k, k);
  for (int64_t i = 0; i < k; ++i) s.gram.at(i, i) = variance[i];
  return s;
}

TEST(AnalysisCondition, EffectiveRankCountsEqualEigenvalues) {
  EXPECT_DOUBLE_EQ(Diagnose(Diagonal({2, 2, 2, 0}, 100)).effective_rank, 3);
  EXPECT_NEAR(Diagnose(Diagonal({1, 1e-6, 1e-6}, 100)).effective_rank, 1, 1e-5);
  EXPECT_EQ(Diagnose(Diagonal({2, 2, 2, 0}, 100)).active_inputs, 3);
}

TEST(AnalysisCondition, FewSamplesWarnAndDampMore) {
  const Condition enough = Diagnose(Diagonal({1, 1, 1, 1}, 8));
  EXPECT_DOUBLE_EQ(enough.damping, 1e-2);
  EXPECT_TRUE(enough.warning.empty());
  const Condition few = Diagnose(Diagonal({1, 1, 1, 1}, 4));
  EXPECT_DOUBLE_EQ(few.damping, 2e-2);
  EXPECT_NE(few.warning.find("at least 8"), std::string::npos);
  EXPECT_DOUBLE_EQ(Diagnose(Diagonal(std::vector<double>(100, 1), 1)).damping, 1e-1);
  const Condition silent = Diagnose(Diagonal({0, 0}, 50));
  EXPECT_EQ(silent.effective_rank, 0);
  EXPECT_FALSE(silent.warning.empty());
}

}  // namespace
}  // namespace deftnn
