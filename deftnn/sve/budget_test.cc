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

// Each layer costs its own kept share times that of a later one that reads it, if any does: chains
// (each is read by the next) or any forest.
struct Forest {
  std::vector<double> size, kept;
  std::vector<CoupledLayer> layers;

  Forest(Rng& rng, int64_t count, int64_t levels, bool chain) {
    for (int64_t l = 0; l < levels; ++l)
      kept.push_back(1 - 0.9 * static_cast<double>(l) / static_cast<double>(levels));
    for (int64_t i = 0; i < count; ++i) {
      size.push_back(1 + rng.Uniform() * 9);
      const double harm = std::exp(rng.Normal());
      CoupledLayer layer;
      if (i + 1 < count) layer.reader = static_cast<int>(chain ? i + 1 : rng.Between(i + 1, count));
      if (layer.reader == count) layer.reader = -1;
      for (int64_t l = 0; l < levels; ++l) {
        layer.errors.push_back(harm * std::pow(1 / kept[l] - 1, 1.5));
        layer.cost.emplace_back();
        for (int64_t r = 0; r < (layer.reader < 0 ? 1 : levels); ++r)
          layer.cost.back().push_back(size[i] * kept[l] * kept[r]);
      }
      layers.push_back(std::move(layer));
    }
  }
  double Cost(const std::vector<int64_t>& l) const {
    double total = 0;
    for (size_t i = 0; i < layers.size(); ++i)
      total += size[i] * kept[l[i]] * (layers[i].reader < 0 ? 1.0 : kept[l[layers[i].reader]]);
    return total;
  }
  double Error(const std::vector<int64_t>& l) const {
    double total = 0;
    for (size_t i = 0; i < layers.size(); ++i) total += layers[i].errors[l[i]];
    return total;
  }
};

TEST(SveBudget, CoupledIsCloseToExhaustiveSearch) {
  double ratios = 0;
  int cases = 0, exact = 0;
  for (uint64_t seed = 1; seed <= 120; ++seed) {
    SCOPED_TRACE(testing::Message() << "seed " << seed);
    Rng rng(seed);
    const int64_t layers = rng.Between(2, 5), levels = rng.Between(2, 5);
    const Forest forest(rng, layers, levels, seed % 2 == 0);
    const auto cost = [&](const std::vector<int64_t>& l) { return forest.Cost(l); };
    const auto loss = [&](const std::vector<int64_t>& l) { return forest.Error(l); };
    const double budget = cost(std::vector<int64_t>(layers)) * (0.2 + 0.7 * rng.Uniform());
    const double best = Exhaustive(std::vector<int64_t>(layers, levels), budget, cost, loss);
    const auto got = AllocateCoupled(forest.layers, budget);
    ASSERT_EQ(got.ok(), std::isfinite(best));
    if (!got.ok()) continue;
    EXPECT_LE(got->cost, budget);
    EXPECT_NEAR(got->cost, cost(got->levels), 1e-12 * budget);
    EXPECT_NEAR(got->error, loss(got->levels), 1e-12 * (1 + best));
    EXPECT_GE(got->error, best - 1e-12);
    EXPECT_LE(got->error, 1.5 * best + 1e-12);
    ratios += best > 0 ? got->error / best : 1;
    exact += got->error <= best * (1 + 1e-9);
    ++cases;
    EXPECT_EQ(AllocateCoupled(forest.layers, budget)->levels, got->levels);
  }
  EXPECT_LT(ratios / cases, 1.03);
  EXPECT_GT(exact, cases * 8 / 10);
}

TEST(SveBudget, CoupledWithIndependentCostsMatchesTheKnapsack) {
  double coupled = 0, knapsack = 0;
  for (uint64_t seed = 1; seed <= 40; ++seed) {
    Rng rng(seed);
    const int64_t count = 6, levels = 6;
    std::vector<std::vector<Choice>> choices(count);
    std::vector<CoupledLayer> layers(count);
    double dense = 0;
    for (int64_t i = 0; i < count; ++i) {
      const double size = 1 + 5 * rng.Uniform(), harm = std::exp(rng.Normal());
      dense += size;
      for (int64_t l = 0; l < levels; ++l) {
        const double kept = 1 - 0.15 * static_cast<double>(l);
        choices[i].push_back({size * kept, harm * (1 / kept - 1)});
        layers[i].errors.push_back(choices[i].back().error);
        layers[i].cost.push_back({size * kept});
      }
    }
    coupled += AllocateCoupled(layers, 0.6 * dense)->error;
    knapsack += AllocateIndependent(choices, 0.6 * dense)->error;
  }
  EXPECT_GE(coupled, knapsack * (1 - 1e-9));
  EXPECT_LE(coupled, knapsack * 1.02);
}

// As many layers as a ResNet-50 has, in pairs. Independent oracle: of many random allocations none
// within the budget is better.
TEST(SveBudget, CoupledHandlesManyLayers) {
  Rng rng(11);
  const int64_t count = 54, levels = 9;
  const Forest forest(rng, count, levels, true);
  const double budget = 0.5 * forest.Cost(std::vector<int64_t>(count));
  const auto got = AllocateCoupled(forest.layers, budget);
  ASSERT_TRUE(got.ok());
  EXPECT_LE(got->cost, budget);
  for (int trial = 0; trial < 20000; ++trial) {
    std::vector<int64_t> other = got->levels;
    for (int64_t changes = rng.Between(1, 4); changes > 0; --changes)
      other[rng.Below(count)] = rng.Below(levels);
    if (forest.Cost(other) > budget) continue;
    EXPECT_GE(forest.Error(other), 0.99 * got->error);
  }
}

// Neither is the last level the cheapest, nor the cheapest of each that of all.
TEST(SveBudget, CheapestIsFoundWhereverItIs) {
  for (uint64_t seed = 1; seed <= 60; ++seed) {
    SCOPED_TRACE(testing::Message() << "seed " << seed);
    Rng rng(seed);
    const int64_t count = rng.Between(1, 5), levels = rng.Between(1, 5);
    Forest forest(rng, count, levels, seed % 2 == 0);
    for (CoupledLayer& layer : forest.layers)
      for (std::vector<double>& row : layer.cost)
        for (double& cost : row) cost = rng.Uniform();
    const auto cost = [&](const std::vector<int64_t>& l) {
      double total = 0;
      for (int64_t i = 0; i < count; ++i) {
        const CoupledLayer& layer = forest.layers[i];
        total += layer.cost[l[i]][layer.reader < 0 ? 0 : l[layer.reader]];
      }
      return total;
    };
    const double least = Exhaustive(std::vector<int64_t>(count, levels), 1e9, cost, cost);
    const auto got = CheapestCoupled(forest.layers);
    ASSERT_TRUE(got.ok());
    EXPECT_NEAR(got->cost, least, 1e-12);
    EXPECT_NEAR(cost(got->levels), least, 1e-12);
    EXPECT_TRUE(AllocateCoupled(forest.layers, least + 1e-9).ok());
    EXPECT_FALSE(AllocateCoupled(forest.layers, least - 1e-9).ok());
  }
}

TEST(SveBudget, RefusesBadInput) {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  EXPECT_FALSE(AllocateIndependent({{}}, 1).ok());
  EXPECT_FALSE(AllocateIndependent({{{nan, 0}}}, 1).ok());
  EXPECT_FALSE(AllocateIndependent({{{1, nan}}}, 1).ok());
  EXPECT_FALSE(AllocateIndependent({{{2, 0}}}, 1).ok());
  EXPECT_FALSE(AllocateIndependent({{{2, 0}}}, nan).ok());
  EXPECT_TRUE(AllocateIndependent({}, 1).ok());
  EXPECT_TRUE(AllocateCoupled({}, 1).ok());
  EXPECT_TRUE(CheapestCoupled({}).ok());
  EXPECT_FALSE(CheapestCoupled({{{}, -1, {}}}).ok());
  EXPECT_FALSE(AllocateCoupled({{{}, -1, {}}}, 2).ok());
  EXPECT_FALSE(AllocateCoupled({{{nan}, -1, {{1}}}}, 2).ok());
  EXPECT_FALSE(AllocateCoupled({{{0}, -1, {{nan}}}}, 2).ok());
  EXPECT_FALSE(AllocateCoupled({{{0, 1}, -1, {{1}}}}, 2).ok());
  EXPECT_FALSE(AllocateCoupled({{{0}, 0, {{1}}}}, 2).ok());
  EXPECT_FALSE(AllocateCoupled({{{0}, 1, {{1}}}, {{0, 1}, -1, {{1}, {1}}}}, 2).ok());
  EXPECT_FALSE(AllocateCoupled({{{0, 1}, -1, {{1}, {1}}}}, 0.5).ok());
  EXPECT_FALSE(AllocateCoupled({{{0, 1}, -1, {{1}, {1}}}}, nan).ok());
  EXPECT_EQ(AllocateCoupled({{{0, 1}, -1, {{1}, {1}}}}, 2)->levels, (std::vector<int64_t>{0}));
}

}  // namespace
}  // namespace deftnn
