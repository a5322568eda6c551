#include "deftnn/sve/eliminate.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "deftnn/analysis/gram.h"
#include "deftnn/base/rng.h"
#include "deftnn/sve/compensations/compensation.h"

namespace deftnn {
namespace {

// Correlated inputs: random mixtures of fewer sources, rectified or not.
std::vector<float> Samples(Rng& rng, int64_t n, int64_t k) {
  const int64_t sources = std::max<int64_t>(1, 2 * k / 3);
  std::vector<double> mix(sources * k);
  for (double& m : mix) m = rng.Normal();
  std::vector<float> x(n * k);
  std::vector<double> z(sources);
  for (int64_t r = 0; r < n; ++r) {
    for (double& v : z) v = rng.Normal();
    for (int64_t i = 0; i < k; ++i) {
      double v = 0.3 * rng.Normal() + 0.5;
      for (int64_t s = 0; s < sources; ++s) v += z[s] * mix[s * k + i];
      x[r * k + i] = static_cast<float>(i % 2 ? std::max(v, 0.0) : v);
    }
  }
  return x;
}

struct Case {
  LayerProblem problem;
  std::vector<float> x;
  int64_t n = 0;
};

Case RandomCase(Rng& rng, int64_t n, int64_t channels, int64_t positions, int64_t outputs) {
  Case c;
  c.n = n;
  const int64_t k = channels * positions;
  c.x = Samples(rng, n, k);
  c.problem.outputs = outputs;
  c.problem.layout = {channels, positions};
  for (int64_t i = 0; i < outputs * k; ++i)
    c.problem.weights.push_back(static_cast<float>(rng.Normal()));
  for (int64_t i = 0; i < outputs; ++i) c.problem.bias.push_back(static_cast<float>(rng.Normal()));
  auto a = GramAccumulator::Create({k});
  EXPECT_TRUE(a->Add(n, c.x.data()).ok());
  c.problem.statistics = *a->Finish();
  return c;
}

// The mean squared error over the samples, relative to the outputs' variance, by running both
// layers.
double Simulated(const Case& c, const Elimination& e) {
  const LayerProblem& p = c.problem;
  const int64_t k = p.layout.entries(), o = p.outputs,
                s = static_cast<int64_t>(e.kept_entries.size());
  std::vector<double> y(c.n * o), mean(o);
  double error = 0, variance = 0;
  for (int64_t r = 0; r < c.n; ++r) {
    for (int64_t i = 0; i < o; ++i) {
      double full = p.bias[i], cut = e.bias[i];
      for (int64_t j = 0; j < k; ++j)
        full += static_cast<double>(p.weights[i * k + j]) * c.x[r * k + j];
      for (int64_t j = 0; j < s; ++j)
        cut += static_cast<double>(e.weights[i * s + j]) * c.x[r * k + e.kept_entries[j]];
      y[r * o + i] = full;
      mean[i] += full / static_cast<double>(c.n);
      error += (full - cut) * (full - cut);
    }
  }
  for (int64_t r = 0; r < c.n; ++r)
    for (int64_t i = 0; i < o; ++i) variance += std::pow(y[r * o + i] - mean[i], 2);
  return error / variance;
}

TEST(SveEliminate, RelativeErrorIsWhatASimulationGives) {
  for (const uint64_t seed : {1, 2, 3}) {
    SCOPED_TRACE(testing::Message() << "seed " << seed);
    Rng rng(seed);
    const Case c = RandomCase(rng, 200, rng.Between(1, 9), rng.Between(1, 4), rng.Between(1, 5));
    for (const Criterion& criterion : Criteria()) {
      for (const Compensation& compensation : Compensations()) {
        for (const Grouping& grouping : Groupings()) {
          SCOPED_TRACE(testing::Message()
                       << criterion.name << " " << compensation.name << " " << grouping.name);
          EliminationOptions options;
          options.criterion = criterion.name;
          options.compensation = compensation.name;
          options.grouping = grouping.name;
          const auto e = Eliminator::Create(c.problem, options);
          ASSERT_TRUE(e.ok()) << e.status().ToString();
          for (const double fraction : {0.0, 0.4, 1.0}) {
            const auto cut = e->KeepFraction(fraction);
            ASSERT_TRUE(cut.ok());
            EXPECT_GE(cut->kept_entries.size(), 1u);
            const double simulated = Simulated(c, *cut);
            EXPECT_NEAR(cut->relative_error, simulated, 1e-6 * (1 + simulated));
            EXPECT_EQ(RelativeError(c.problem, *cut, c.problem.statistics), cut->relative_error);
          }
        }
      }
    }
  }
}

TEST(SveEliminate, LeastSquaresBeatsTheOthersAndOrdersAreNested) {
  Rng rng(5);
  const Case c = RandomCase(rng, 600, 8, 3, 6);
  EliminationOptions options;
  double errors[3];
  int i = 0;
  for (const char* name : {"least-squares", "none", "scale"}) {
    options.compensation = name;
    errors[i++] = Eliminator::Create(c.problem, options)->KeepFraction(0.5)->relative_error;
  }
  EXPECT_LT(errors[0], errors[1]);
  EXPECT_LT(errors[0], errors[2]);
  const Eliminator e = *Eliminator::Create(c.problem);
  std::vector<int64_t> larger = e.KeptEntries(e.groups());
  for (int64_t count = e.groups(); count >= 1; --count) {
    const std::vector<int64_t> kept = e.KeptEntries(count);
    EXPECT_EQ(static_cast<int64_t>(kept.size()), count);
    EXPECT_TRUE(std::includes(larger.begin(), larger.end(), kept.begin(), kept.end()));
    larger = kept;
  }
}

// Ranking may end where no smaller fraction is asked for: what is kept is the same.
TEST(SveEliminate, ALeastFractionChangesNothingAboveIt) {
  Rng rng(11);
  // Few entries are ranked one by one, many in steps.
  for (const int64_t channels : {10, 70}) {
    const Case c = RandomCase(rng, 900, channels, 9, 5);
    for (const char* grouping : {"synapse", "pair", "channel"}) {
      EliminationOptions options;
      options.grouping = grouping;
      const Eliminator full = *Eliminator::Create(c.problem, options);
      for (const double fraction : {1.0, 0.83, 0.5, 0.07}) {
        SCOPED_TRACE(fmt::format("{} channels, {}, {}", channels, grouping, fraction));
        options.least_fraction = fraction;
        const Eliminator part = *Eliminator::Create(c.problem, options);
        EXPECT_EQ(part.KeepFraction(fraction)->kept_entries,
                  full.KeepFraction(fraction)->kept_entries);
        EXPECT_EQ(part.KeepFraction(fraction)->weights, full.KeepFraction(fraction)->weights);
      }
    }
  }
}

TEST(SveEliminate, LeastSquaresSolvesTheDampedNormalEquations) {
  Rng rng(6);
  const Case c = RandomCase(rng, 300, 6, 2, 3);
  EliminationOptions options;
  const Eliminator e = *Eliminator::Create(c.problem, options);
  const Elimination cut = *e.KeepGroups(5);
  const LayerStatistics& s = e.problem().statistics;
  const auto& kept = cut.kept_entries;
  double lambda = 0;
  for (int64_t i = 0; i < 12; ++i) lambda += 1e-2 * s.gram.at(i, i) / 12;
  for (int64_t o = 0; o < 3; ++o) {
    double bias = c.problem.bias[o] + s.target_mean[o];
    for (int64_t i = 0; i < 5; ++i) {
      // W' (G_SS + lambda I) = C_S + lambda W_S
      double left = lambda * cut.weights[o * 5 + i];
      for (int64_t j = 0; j < 5; ++j) left += cut.weights[o * 5 + j] * s.gram.at(kept[j], kept[i]);
      const double right = s.cross.at(o, kept[i]) + lambda * c.problem.weights[o * 12 + kept[i]];
      EXPECT_NEAR(left, right, 1e-5 * (1 + std::abs(right)));
      bias -= cut.weights[o * 5 + i] * s.mean[kept[i]];
    }
    EXPECT_NEAR(cut.bias[o], bias, 1e-5);
  }
}

TEST(SveEliminate, KeepingAllOfUnchangedInputsChangesNothing) {
  Rng rng(7);
  const Case c = RandomCase(rng, 400, 5, 3, 4);
  const Elimination all = *Eliminator::Create(c.problem)->KeepFraction(1.0);
  EXPECT_EQ(all.weights, c.problem.weights);
  for (size_t i = 0; i < all.bias.size(); ++i) EXPECT_NEAR(all.bias[i], c.problem.bias[i], 1e-6);
  EXPECT_LT(all.relative_error, 1e-12);
}

// Inputs that do not correlate: a group's cost is its own weight squared, whatever else is gone.
TEST(SveEliminate, GroupsGoByCostPerWhatTheySave) {
  for (uint64_t seed = 1; seed <= 20; ++seed) {
    SCOPED_TRACE(testing::Message() << "seed " << seed);
    Rng rng(seed);
    const int64_t k = 30;
    LayerProblem problem;
    problem.outputs = 1;
    problem.layout = {k, 1};
    problem.statistics.count = 100;
    problem.statistics.mean.resize(k);
    problem.statistics.gram = Matrix(k, k);
    EliminationOptions options;
    options.free_removals = false;
    std::vector<int64_t> wanted(k);
    for (int64_t i = 0; i < k; ++i) {
      problem.statistics.gram.at(i, i) = 1;
      problem.weights.push_back(static_cast<float>(rng.Normal()));
      options.savings.push_back(rng.Uniform() * 9 + 1);
      wanted[i] = i;
    }
    std::sort(wanted.begin(), wanted.end(), [&](int64_t a, int64_t b) {
      const auto cost = [&](int64_t i) {
        return std::pow(double(problem.weights[i]), 2) / options.savings[i];
      };
      return cost(a) < cost(b);
    });
    const auto eliminator = Eliminator::Create(problem, options);
    ASSERT_TRUE(eliminator.ok()) << eliminator.status().ToString();
    EXPECT_EQ(eliminator->order().groups, wanted);
    options.savings[3] = 0;
    EXPECT_FALSE(Eliminator::Create(problem, options).ok());
    options.savings.pop_back();
    options.savings[3] = 1;
    EXPECT_FALSE(Eliminator::Create(problem, options).ok());
  }
}

TEST(SveEliminate, EdgeCases) {
  Rng rng(9);
  const Case one = RandomCase(rng, 50, 1, 1, 1);  // K = 1, one output
  EXPECT_EQ(Eliminator::Create(one.problem)->KeepFraction(0)->kept_entries.size(), 1u);
  const Case few = RandomCase(rng, 3, 5, 3, 2);  // n < K
  const auto cut = Eliminator::Create(few.problem)->KeepFraction(0.3);
  ASSERT_TRUE(cut.ok());
  for (const float w : cut->weights) EXPECT_TRUE(std::isfinite(w));
  Case dead = RandomCase(rng, 100, 4, 2, 2);  // nothing ever fires
  std::fill(dead.x.begin(), dead.x.end(), 0.0f);
  auto a = GramAccumulator::Create({8});
  ASSERT_TRUE(a->Add(100, dead.x.data()).ok());
  dead.problem.statistics = *a->Finish();
  for (const bool free : {true, false}) {
    EliminationOptions options;
    options.free_removals = free;
    const auto e = Eliminator::Create(dead.problem, options);
    ASSERT_TRUE(e.ok());
    const auto kept = e->KeepFraction(0.2);
    ASSERT_TRUE(kept.ok());
    EXPECT_EQ(kept->relative_error, 0);
    for (size_t o = 0; o < 2; ++o) EXPECT_NEAR(kept->bias[o], dead.problem.bias[o], 1e-6);
  }
}

TEST(SveEliminate, RefusesBadInput) {
  Rng rng(10);
  const Case c = RandomCase(rng, 80, 3, 2, 2);
  const float nan = std::numeric_limits<float>::quiet_NaN();
  LayerProblem p = c.problem;
  p.statistics.gram.at(1, 2) = std::numeric_limits<double>::quiet_NaN();
  EXPECT_FALSE(Eliminator::Create(p).ok());
  p = c.problem;
  p.weights[3] = nan;
  EXPECT_FALSE(Eliminator::Create(p).ok());
  p = c.problem;
  p.weights.pop_back();
  EXPECT_FALSE(Eliminator::Create(p).ok());
  p = c.problem;
  p.layout.channels = 4;
  EXPECT_FALSE(Eliminator::Create(p).ok());
  EXPECT_FALSE(Eliminator::Create(c.problem, {.criterion = "chance"}).ok());
  EXPECT_FALSE(Eliminator::Create(c.problem, {.grouping = "chance"}).ok());
  EXPECT_FALSE(Eliminator::Create(c.problem, {.compensation = "chance"}).ok());
  EXPECT_FALSE(Eliminator::Create(c.problem, {.damping = -1}).ok());
}

TEST(SveEliminate, BitsDoNotDependOnThreads) {
  Rng rng(11);
  const Case c = RandomCase(rng, 300, 60, 9, 9);  // 540 entries: batches and pools
  for (const char* grouping : {"synapse", "quad"}) {
    std::vector<Elimination> results;
    for (const int threads : {1, 2, 3}) {
      ThreadPool pool(threads);
      EliminationOptions options;
      options.grouping = grouping;
      results.push_back(*Eliminator::Create(c.problem, options, &pool)->KeepFraction(0.4));
    }
    for (const Elimination& e : results) {
      EXPECT_EQ(e.kept_entries, results[0].kept_entries);
      EXPECT_EQ(e.weights, results[0].weights);
      EXPECT_EQ(e.bias, results[0].bias);
      EXPECT_EQ(e.relative_error, results[0].relative_error);
    }
  }
}

}  // namespace
}  // namespace deftnn
