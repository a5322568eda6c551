#include "deftnn/pipeline/score.h"

#include <gtest/gtest.h>

namespace deftnn {
namespace {

Yardstick Of(const char* metric) { return ChooseYardstick(metric, "", true).value(); }

// Two samples: three classes each, and a place of two numbers.
Outputs TwoOutputs(float class_change, float place_change) {
  const std::vector<float> classes{1, 2, 3 + class_change, 0, 4, 1};
  const std::vector<float> places{3, 4 + place_change, 3, 4 + place_change};
  Outputs outputs;
  outputs.parts.push_back(
      {0, 2, {Tensor::Of<float>({2, 3}, classes), Tensor::Of<float>({2, 2}, places)}});
  return outputs;
}

TEST(Score, WhichYardsticksReadClasses) {
  const Outputs two = TwoOutputs(0, 0);
  Outputs one = two;
  one.parts[0].tensors.pop_back();
  for (const char* metric : {"top1", "top5", "agreement"}) {
    EXPECT_TRUE(ReadsClasses(Of(metric), two)) << metric;
  }
  for (const char* metric : {"cosine", "relative-l2"}) {
    EXPECT_FALSE(ReadsClasses(Of(metric), one)) << metric;
  }
  const Yardstick command = ChooseYardstick("", "true", false).value();
  EXPECT_TRUE(ReadsClasses(command, one));
  EXPECT_FALSE(ReadsClasses(command, two));
}

TEST(Score, TheLossOfAPlaceCountsWhereNoClassesAreRead) {
  const Outputs original = TwoOutputs(0, 0), moved = TwoOutputs(0, 2);
  EXPECT_EQ(LossOf(original, moved, Of("top1")).value(), 0);
  // |(0, 2)|^2 over |(1, 2, 3, 3, 4)|^2 and |(0, 4, 1, 3, 4)|^2
  EXPECT_NEAR(LossOf(original, moved, Of("relative-l2")).value(), (4.0 / 39 + 4.0 / 42) / 2, 1e-6);
  EXPECT_GT(LossOf(original, TwoOutputs(1, 0), Of("top1")).value(), 0.01);
}

}  // namespace
}  // namespace deftnn
