#include "deftnn/tune/loss.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "deftnn/base/rng.h"

namespace deftnn {
namespace {

Tensor Random(const Shape& shape, Rng& rng) {
  Tensor tensor = Tensor::Zeros(ElementType::kFloat32, shape);
  for (float& value : tensor.mutable_values<float>()) value = static_cast<float>(rng.Normal());
  return tensor;
}

void ExpectGradient(const LossOptions& options, const Shape& shape, uint64_t seed) {
  SCOPED_TRACE(testing::Message() << "seed " << seed << ", " << ToString(shape));
  Rng rng(seed);
  std::vector<Tensor> outputs{Random(shape, rng), Random(shape, rng)};
  const std::vector<Tensor> taught{Random(shape, rng), Random(shape, rng)};
  std::vector<int64_t> labels;
  for (int64_t n = 0; n < shape[0]; ++n) labels.push_back(rng.Below(3));
  std::vector<Tensor> gradients;
  constexpr double kScale = 0.5;
  ASSERT_TRUE(SumOfLosses(options, outputs, taught, labels, kScale, &gradients).ok());
  for (size_t o = 0; o < outputs.size(); ++o) {
    for (int64_t i = 0; i < outputs[o].size(); i += 3) {
      const auto at = [&](float step) {
        std::vector<Tensor> moved = outputs;
        moved[o].mutable_values<float>()[i] += step;
        return *SumOfLosses(options, moved, taught, labels, 1.0, nullptr);
      };
      constexpr float kStep = 1e-2f;
      const double slope = kScale * (at(kStep) - at(-kStep)) / (2 * kStep);
      const double found =
          gradients[o].defined() ? gradients[o].values<float>()[static_cast<size_t>(i)] : 0.0;
      EXPECT_NEAR(found, slope, 1e-3 * (std::abs(slope) + 1));
    }
  }
}

TEST(Loss, HasTheGradientOfFiniteDifferences) {
  for (uint64_t seed = 1; seed <= 4; ++seed) {
    for (const Shape& shape : {Shape{4, 5}, Shape{2, 3, 2, 2}}) {
      ExpectGradient({.labels = 1, .teacher = 0}, shape, seed);
      ExpectGradient({.labels = 0, .teacher = 1, .temperature = 3}, shape, seed);
      ExpectGradient({.labels = 0.3, .teacher = 0.7, .temperature = 0.7}, shape, seed);
      ExpectGradient({.classes = false, .labels = 0, .teacher = 1}, shape, seed);
    }
  }
}

TEST(Loss, IsTheNegativeLogarithmOfTheLabelsShare) {
  const std::vector<Tensor> outputs{Tensor::Of<float>({1, 2}, {std::log(3.0f), 0.0f})};
  const std::vector<int64_t> label{1};
  const auto loss = SumOfLosses({.labels = 2}, outputs, {}, label, 1, nullptr);
  ASSERT_TRUE(loss.ok());
  EXPECT_NEAR(*loss, 2 * std::log(4.0), 1e-6);
}

TEST(Loss, IsNothingWhereTheTeacherAgrees) {
  Rng rng(5);
  const std::vector<Tensor> outputs{Random({3, 7}, rng)};
  for (const bool classes : {true, false}) {
    const auto loss = SumOfLosses({.classes = classes, .labels = 0, .teacher = 1}, outputs, outputs,
                                  {}, 1, nullptr);
    ASSERT_TRUE(loss.ok());
    EXPECT_NEAR(*loss, 0, 1e-6);
  }
}

TEST(Loss, RefusesWhatDoesNotFit) {
  Rng rng(6);
  const std::vector<Tensor> outputs{Random({1, 3}, rng)}, wider{Random({1, 4}, rng)};
  const auto label = SumOfLosses({}, outputs, {}, std::vector<int64_t>{3}, 1, nullptr);
  ASSERT_FALSE(label.ok());
  const auto teacher = SumOfLosses({.labels = 0, .teacher = 1}, outputs, wider, {}, 1, nullptr);
  ASSERT_FALSE(teacher.ok());
  EXPECT_THAT(teacher.status().reason(), testing::HasSubstr("1x4"));
}

}  // namespace
}  // namespace deftnn
