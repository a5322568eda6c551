#include "deftnn/sve/budget.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <numeric>

#include "deftnn/base/rng.h"

namespace deftnn {
namespace {

// The best allocation by trying them all; error infinity when none fits.
template <typename Cost, typename Loss>
double Exhaustive(const std::vector<int64_t>& sizes, double budget, Cost cost, Loss loss) {
  std::vector<int64_t> levels(sizes.size());
  double best = std::numeric_limits<double>::infinity();
  while (true) {
    if (cost(levels) <= budget) best = std::min(best, loss(levels));
    size_t i = 0;
    while (i < sizes.size() && ++levels[i] == sizes[i]) levels[i++] = 0;
    if (i == sizes.size()) return best;
  }
}

TEST(SveBudget, IndependentIsExact) {
  for (uint64_t seed = 1; seed <= 200; ++seed) {
    SCOPED_TRACE(testing::Message() << "seed " << seed);
    Rng rng(seed);
    std::vector<std::vector<Choice>> layers(rng.Between(1, 5));
    std::vector<int64_t> sizes;
    for (auto& choices : layers) {
      choices.resize(rng.Between(1, 5));
      for (Choice& c : choices) c = {rng.Uniform(), rng.Uniform()};
      sizes.push_back(static_cast<int64_t>(choices.size()));
    }
    const double budget = rng.Uniform() * static_cast<double>(layers.size());
    const auto sum = [&](const std::vector<int64_t>& levels, double Choice::*part) {
      double total = 0;
      for (size_t i = 0; i < levels.size(); ++i) total += layers[i][levels[i]].*part;
      return total;
    };
    const double best = Exhaustive(
        sizes, budget, [&](const auto& l) { return sum(l, &Choice::cost); },
        [&](const auto& l) { return sum(l, &Choice::error); });
    const auto got = AllocateIndependent(layers, budget);
    ASSERT_EQ(got.ok(), std::isfinite(best));
    if (!got.ok()) continue;
    EXPECT_NEAR(got->error, best, 1e-12);
    EXPECT_NEAR(sum(got->levels, &Choice::cost), got->cost, 1e-12);
    EXPECT_NEAR(sum(got->levels, &Choice::error), got->error, 1e-12);
    EXPECT_LE(got->cost, budget * (1 + 1e-11));
    // Thinned to few slices it is still within the budget, and not far off.
    const auto coarse = AllocateIndependent(layers, budget, 8);
    ASSERT_TRUE(coarse.ok());
    EXPECT_LE(coarse->cost, budget * (1 + 1e-11));
    EXPECT_GE(coarse->error, best - 1e-12);
  }
}

TEST(SveBudget, IndependentHandlesManyLayers) {
  Rng rng(3);
  std::vector<std::vector<Choice>> layers(60);
  double all = 0;
  for (auto& choices : layers) {
    const double size = 1 + 9 * rng.Uniform(), harm = std::exp(2 * rng.Normal());
    for (int level = 0; level < 10; ++level) {
      const double kept = 1 - 0.1 * level;
      choices.push_back({size * kept, harm * (1 / kept - 1)});
    }
    all += size;
  }
  const auto fine = AllocateIndependent(layers, all / 2, 2000);
  ASSERT_TRUE(fine.ok());
  EXPECT_LE(fine->cost, all / 2 * (1 + 1e-11));
  double uniform = 0;
  for (const auto& choices : layers) uniform += choices[5].error;
  EXPECT_LT(fine->error, uniform);
}

TEST(SveBudget, CoupledIsCloseToExhaustiveSearchOnChains) {
  double ratios = 0;
  int cases = 0, exact = 0;
  for (uint64_t seed = 1; seed <= 60; ++seed) {
    SCOPED_TRACE(testing::Message() << "seed " << seed);
    Rng rng(seed);
    const int64_t layers = rng.Between(2, 5), levels = rng.Between(2, 5);
    std::vector<double> size(layers), kept(levels);
    std::vector<std::vector<double>> errors(layers, std::vector<double>(levels));
    for (int64_t l = 0; l < levels; ++l)
      kept[l] = 1 - 0.9 * static_cast<double>(l) / static_cast<double>(levels);
    for (int64_t i = 0; i < layers; ++i) {
      size[i] = 1 + rng.Uniform() * 9;
      const double harm = std::exp(rng.Normal());
      for (int64_t l = 0; l < levels; ++l) errors[i][l] = harm * std::pow(1 / kept[l] - 1, 1.5);
    }
    // A layer costs its own kept share times that of its consumer, whose choice cuts its outputs.
    const auto cost = [&](const std::vector<int64_t>& l) {
      double total = 0;
      for (int64_t i = 0; i < layers; ++i)
        total += size[i] * kept[l[i]] * (i + 1 < layers ? kept[l[i + 1]] : 1.0);
      return total;
    };
    const auto loss = [&](const std::vector<int64_t>& l) {
      double total = 0;
      for (int64_t i = 0; i < layers; ++i) total += errors[i][l[i]];
      return total;
    };
    const double dense = cost(std::vector<int64_t>(layers));
    const double budget = dense * (0.2 + 0.7 * rng.Uniform());
    const double best = Exhaustive(std::vector<int64_t>(layers, levels), budget, cost, loss);
    const auto got = AllocateCoupled(errors, cost, budget);
    ASSERT_EQ(got.ok(), std::isfinite(best));
    if (!got.ok()) continue;
    EXPECT_LE(got->cost, budget);
    EXPECT_DOUBLE_EQ(got->cost, cost(got->levels));
    EXPECT_DOUBLE_EQ(got->error, loss(got->levels));
    EXPECT_GE(got->error, best - 1e-12);
    EXPECT_LE(got->error, 1.5 * best + 1e-12);
    ratios += best > 0 ? got->error / best : 1;
    exact += got->error <= best * (1 + 1e-9);
    ++cases;
    EXPECT_EQ(AllocateCoupled(errors, cost, budget)->levels, got->levels);
  }
  EXPECT_LT(ratios / cases, 1.03);
  EXPECT_GT(exact, cases * 8 / 10);
}

TEST(SveBudget, CoupledWithIndependentCostsMatchesTheKnapsack) {
  double coupled = 0, knapsack = 0;
  for (uint64_t seed = 1; seed <= 40; ++seed) {
    Rng rng(seed);
    const int64_t layers = 6, levels = 6;
    std::vector<std::vector<Choice>> choices(layers);
    std::vector<std::vector<double>> errors(layers);
    for (int64_t i = 0; i < layers; ++i) {
      const double size = 1 + 5 * rng.Uniform(), harm = std::exp(rng.Normal());
      for (int64_t l = 0; l < levels; ++l) {
        const double kept = 1 - 0.15 * static_cast<double>(l);
        choices[i].push_back({size * kept, harm * (1 / kept - 1)});
        errors[i].push_back(choices[i].back().error);
      }
    }
    const auto cost = [&](const std::vector<int64_t>& l) {
      double total = 0;
      for (int64_t i = 0; i < layers; ++i) total += choices[i][l[i]].cost;
      return total;
    };
    const double budget = 0.6 * cost(std::vector<int64_t>(layers));
    coupled += AllocateCoupled(errors, cost, budget)->error;
    knapsack += AllocateIndependent(choices, budget)->error;
  }
  EXPECT_GE(coupled, knapsack * (1 - 1e-9));
  EXPECT_LE(coupled, knapsack * 1.02);
}

TEST(SveBudget, RefusesBadInput) {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  EXPECT_FALSE(AllocateIndependent({{}}, 1).ok());
  EXPECT_FALSE(AllocateIndependent({{{nan, 0}}}, 1).ok());
  EXPECT_FALSE(AllocateIndependent({{{1, nan}}}, 1).ok());
  EXPECT_FALSE(AllocateIndependent({{{2, 0}}}, 1).ok());
  EXPECT_FALSE(AllocateIndependent({{{2, 0}}}, nan).ok());
  EXPECT_TRUE(AllocateIndependent({}, 1).ok());
  const auto one = [](const std::vector<int64_t>&) { return 1.0; };
  EXPECT_FALSE(AllocateCoupled({{}}, one, 2).ok());
  EXPECT_FALSE(AllocateCoupled({{nan}}, one, 2).ok());
  EXPECT_FALSE(AllocateCoupled({{0.0, 1.0}}, one, 0.5).ok());
  EXPECT_EQ(AllocateCoupled({{0.0, 1.0}}, one, 2)->levels, (std::vector<int64_t>{0}));
}

}  // namespace
}  // namespace deftnn
