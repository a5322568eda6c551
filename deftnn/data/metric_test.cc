#include "deftnn/data/metric.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "deftnn/base/rng.h"

namespace deftnn {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr float kNan = std::numeric_limits<float>::quiet_NaN();

Tensor Outputs(Shape shape, const std::vector<float>& values) {
  return Tensor::Of<float>(std::move(shape), values);
}

Result<std::vector<double>> Score(std::string_view name, const Tensor& outputs,
                                  const Tensor& reference, const std::vector<int64_t>& labels) {
  MetricAccumulator metric(**FindMetric(name));
  DEFTNN_RETURN_IF_ERROR(metric.Add({.outputs = {&outputs, 1},
                                     .reference = {&reference, reference.defined() ? 1u : 0u},
                                     .labels = labels}));
  return metric.per_sample();
}

TEST(Metric, Top1AndTop5ByHand) {
  const Tensor out = Outputs({3, 6}, {1, 2, 3, 4, 5, 6, 6, 5, 4, 3, 2, 1, 1, 1, 1, 1, 1, 1});
  EXPECT_THAT(*Score("top1", out, {}, {5, 5, 0}), ElementsAre(100, 0, 100));
  EXPECT_THAT(*Score("top5", out, {}, {5, 5, 5}), ElementsAre(100, 0, 0));
  EXPECT_THAT(*Score("top5", out, {}, {0, 4, 4}), ElementsAre(0, 100, 100));
}

TEST(Metric, NanCountsAsWrongInArgmax) {
  const Tensor out = Outputs({2, 2}, {1, kNan, kNan, kNan});
  EXPECT_THAT(*Score("top1", out, {}, {0, 0}), ElementsAre(0, 0));
  EXPECT_THAT(*Score("top5", out, {}, {0, 0}), ElementsAre(0, 0));
  EXPECT_THAT(*Score("agreement", out, out, {}), ElementsAre(0, 0));
}

TEST(Metric, NanIsAnErrorInDistances) {
  const Tensor good = Outputs({2, 2}, {1, 2, 3, 4}), bad = Outputs({2, 2}, {1, 2, 3, kNan});
  for (const char* name : {"cosine", "relative-l2"}) {
    EXPECT_THAT(Score(name, bad, good, {}).status().ToString(), HasSubstr("sample 1"));
    EXPECT_THAT(Score(name, good, bad, {}).status().ToString(), HasSubstr("reference"));
  }
}

TEST(Metric, DistancesByHand) {
  const Tensor a = Outputs({4, 2}, {3, 4, 1, 0, 0, 0, 0, 1});
  const Tensor b = Outputs({4, 2}, {6, 8, 0, 2, 0, 0, 0, 0});
  EXPECT_THAT(*Score("cosine", a, b, {}), ElementsAre(100, 0, 100, 0));
  const std::vector<double> l2 = *Score("relative-l2", a, b, {});
  EXPECT_DOUBLE_EQ(l2[0], 50);
  EXPECT_NEAR(l2[1], 100 * std::sqrt(5.0) / 2, 1e-9);
  EXPECT_THAT(std::vector<double>(l2.begin() + 2, l2.end()), ElementsAre(0, 100));
}

TEST(Metric, PositionsAndTrailingOnes) {
  const Tensor out = Outputs({1, 2, 1, 1}, {1, 2});
  EXPECT_THAT(*Score("top1", out, {}, {1}), ElementsAre(100));
  // Two boxes of two classes: the classes are last.
  EXPECT_THAT(
      *Score("agreement", Outputs({1, 2, 2}, {1, 0, 1, 0}), Outputs({1, 2, 2}, {2, 1, 0, 1}), {}),
      ElementsAre(50));
  // A map of two classes over 1 x 2 pixels: the classes are axis 1.
  EXPECT_THAT(*Score("agreement", Outputs({1, 2, 1, 2}, {1, 0, 0, 1}),
                     Outputs({1, 2, 1, 2}, {1, 1, 0, 0}), {}),
              ElementsAre(50));
  EXPECT_FALSE(Score("top1", Outputs({1, 2, 2}, {1, 0, 1, 0}), {}, {0}).ok());
}

TEST(Metric, RandomAgainstNaive) {
  for (uint64_t seed = 0; seed < 20; ++seed) {
    SCOPED_TRACE(seed);
    Rng rng(seed);
    const int64_t n = rng.Between(1, 30), classes = rng.Between(1, 20);
    const auto count = static_cast<size_t>(n * classes);
    std::vector<float> a(count), b(count);
    for (float& x : a) x = static_cast<float>(rng.Below(8));  // many ties
    for (float& x : b) x = static_cast<float>(rng.Normal());
    std::vector<int64_t> labels;
    for (int64_t i = 0; i < n; ++i) labels.push_back(rng.Below(classes));
    const Tensor ta = Outputs({n, classes}, a), tb = Outputs({n, classes}, b);
    const std::vector<double> top1 = *Score("top1", ta, {}, labels);
    const std::vector<double> top5 = *Score("top5", ta, {}, labels);
    const std::vector<double> agreement = *Score("agreement", ta, tb, {});
    const std::vector<double> cosine = *Score("cosine", ta, tb, {});
    for (size_t s = 0; s < labels.size(); ++s) {
      const auto begin = static_cast<int64_t>(s) * classes;
      std::vector<int64_t> order(static_cast<size_t>(classes));
      std::iota(order.begin(), order.end(), int64_t{0});
      const auto value = [&](int64_t c) { return a[static_cast<size_t>(begin + c)]; };
      std::stable_sort(order.begin(), order.end(),
                       [&](int64_t x, int64_t y) { return value(x) > value(y); });
      const auto best5 = order.begin() + std::min<int64_t>(5, classes);
      EXPECT_EQ(top1[s], order[0] == labels[s] ? 100 : 0);
      EXPECT_EQ(top5[s], std::find(order.begin(), best5, labels[s]) != best5 ? 100 : 0);
      const auto best = std::max_element(b.begin() + begin, b.begin() + begin + classes);
      EXPECT_EQ(agreement[s], best - b.begin() - begin == order[0] ? 100 : 0);
      double ab = 0, aa = 0, bb = 0;
      for (int64_t c = 0; c < classes; ++c) {
        const double x = value(c), y = b[static_cast<size_t>(begin + c)];
        ab += x * y, aa += x * x, bb += y * y;
      }
      EXPECT_NEAR(cosine[s], aa == 0 ? 0 : 100 * ab / std::sqrt(aa * bb), 1e-6);
    }
  }
}

TEST(Metric, AccumulatesOverBatchesAndNamesTheSample) {
  MetricAccumulator metric(**FindMetric("top1"));
  EXPECT_TRUE(std::isnan(metric.value()));
  const Tensor out = Outputs({2, 2}, {0, 1, 1, 0});
  const std::vector<int64_t> right = {1, 0}, half = {1, 1}, outside = {0, 2};
  ASSERT_TRUE(metric.Add({.outputs = {&out, 1}, .labels = right}).ok());
  ASSERT_TRUE(metric.Add({.outputs = {&out, 1}, .labels = half}).ok());
  EXPECT_EQ(metric.value(), 75);
  EXPECT_EQ(metric.n(), 4);
  EXPECT_THAT(metric.Add({.outputs = {&out, 1}, .labels = outside}).ToString(),
              HasSubstr("sample 5 has the label 2"));
}

TEST(Metric, RefusesWhatIsMissing) {
  const Tensor out = Outputs({2, 2}, {0, 1, 1, 0});
  EXPECT_FALSE(Score("top1", out, {}, {}).ok());
  EXPECT_FALSE(Score("top1", out, {}, {1}).ok());
  EXPECT_FALSE(Score("cosine", out, {}, {}).ok());
  EXPECT_FALSE(Score("cosine", out, Outputs({2, 1}, {0, 1}), {}).ok());
  EXPECT_FALSE(Score("top1", Outputs({2}, {0, 1}), {}, {0, 0}).ok());
  EXPECT_THAT(FindMetric("top7").status().ToString(), HasSubstr("relative-l2"));
  EXPECT_EQ(Metrics().size(), 5u);
}

TEST(Metric, PairedDrop) {
  const std::vector<double> a = {100, 100, 0, 100}, b = {100, 0, 100, 0};
  const Drop drop = PairedDrop(a, b);
  EXPECT_DOUBLE_EQ(drop.points, 25);
  // Differences 0, 100, -100, 100: deviation 95.74 over sqrt(4).
  EXPECT_NEAR(drop.standard_error, 95.7427107756338 / 2, 1e-9);
  EXPECT_DOUBLE_EQ(PairedDrop(a, b, false).points, -25);
  EXPECT_EQ(PairedDrop(a, a).standard_error, 0);
  EXPECT_EQ(PairedDrop({}, {}).points, 0);
}

TEST(KlDivergence, ByHandAndAtTheEdges) {
  const Tensor logits = Outputs({2, 2}, {0, 0, 0, std::log(3.0f)});
  const Tensor other = Outputs({2, 2}, {0, std::log(3.0f), 7, 7 + std::log(3.0f)});
  const std::vector<double> kl = *KlDivergence(logits, other, OutputKind::kLogits);
  EXPECT_NEAR(kl[0], 0.5 * std::log(0.5 / 0.25) + 0.5 * std::log(0.5 / 0.75), 1e-6);
  EXPECT_NEAR(kl[1], 0, 1e-6);
  const Tensor p = Outputs({1, 2}, {0.5f, 0.5f}), q = Outputs({1, 2}, {0.25f, 0.75f});
  EXPECT_NEAR((*KlDivergence(p, q, OutputKind::kProbabilities))[0], kl[0], 1e-6);
  EXPECT_EQ(*KindOf(p), OutputKind::kProbabilities);
  EXPECT_EQ(*KindOf(logits), OutputKind::kLogits);
  EXPECT_TRUE(
      std::isfinite((*KlDivergence(p, Outputs({1, 2}, {1, 0}), OutputKind::kProbabilities))[0]));
  const Tensor nan = Outputs({1, 2}, {0, kNan});
  EXPECT_TRUE(std::isinf((*KlDivergence(p, nan, OutputKind::kLogits))[0]));
  EXPECT_FALSE(KlDivergence(nan, p, OutputKind::kLogits).ok());
  EXPECT_FALSE(KlDivergence(p, logits, OutputKind::kLogits).ok());
  EXPECT_NEAR((*KlDivergence(Outputs({1, 2}, {3e38f, -3e38f}), Outputs({1, 2}, {3e38f, -3e38f}),
                             OutputKind::kLogits))[0],
              0, 1e-9);
}

}  // namespace
}  // namespace deftnn
