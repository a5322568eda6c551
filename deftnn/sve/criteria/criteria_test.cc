#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "deftnn/base/rng.h"
#include "deftnn/sve/criteria/criterion.h"

namespace deftnn {
namespace {

Matrix Random(Rng& rng, int64_t rows, int64_t cols) {
  Matrix m(rows, cols);
  for (double& v : m.data) v = rng.Normal();
  return m;
}

// Statistics of n random correlated samples with the targets of `weights`.
LayerStatistics RandomStatistics(Rng& rng, const Matrix& weights) {
  const int64_t k = weights.cols;
  const Matrix x = Random(rng, 3 * k + 2, k), mix = Random(rng, k, k);
  const Matrix mixed = Product(nullptr, x, Transposed::kNo, mix, Transposed::kNo);
  LayerStatistics s;
  s.count = mixed.rows;
  s.mean.resize(k);
  for (double& m : s.mean) m = rng.Normal();
  s.gram = Product(nullptr, mixed, Transposed::kYes, mixed, Transposed::kNo);
  for (double& g : s.gram.data) g /= static_cast<double>(mixed.rows);
  const std::vector<float> w(weights.data.begin(), weights.data.end());
  return WithTargets(std::move(s), w, weights.rows);
}

// Weights that float32 holds exactly, so that own targets are exactly W G.
Matrix RandomWeights(Rng& rng, int64_t outputs, int64_t k) {
  Matrix w = Random(rng, outputs, k);
  for (double& v : w.data) v = static_cast<float>(v);
  return w;
}

EntryGroups Singles(int64_t k) { return NeighbouringChannels({k, 1}, 1); }

EliminationOrder Rank(const char* name, const RankingProblem& problem) {
  return *(*FindCriterion(name))->rank(problem);
}

// The least damped error over weights on `kept` alone, by Gaussian elimination in long double:
// min over V of tr((V - W) H (V - W)^T), V zero outside of `kept`.
double LeastError(const LayerStatistics& s, const Matrix& w, double lambda,
                  std::vector<int64_t> kept) {
  const int64_t k = s.inputs(), n = static_cast<int64_t>(kept.size());
  const auto h = [&](int64_t i, int64_t j) -> long double {
    return s.gram.at(i, j) + (i == j ? lambda : 0);
  };
  long double total = 0;
  for (int64_t o = 0; o < w.rows; ++o) {
    // minimise (v - w)^T H (v - w): H_SS v_S = (H w)_S
    std::vector<long double> a(n * (n + 1));
    for (int64_t i = 0; i < n; ++i) {
      for (int64_t j = 0; j < n; ++j) a[i * (n + 1) + j] = h(kept[i], kept[j]);
      for (int64_t j = 0; j < k; ++j) a[i * (n + 1) + n] += h(kept[i], j) * w.at(o, j);
    }
    for (int64_t p = 0; p < n; ++p) {
      for (int64_t i = 0; i < n; ++i) {
        if (i == p) continue;
        const long double f = a[i * (n + 1) + p] / a[p * (n + 1) + p];
        for (int64_t j = p; j <= n; ++j) a[i * (n + 1) + j] -= f * a[p * (n + 1) + j];
      }
    }
    std::vector<long double> d(k);
    for (int64_t j = 0; j < k; ++j) d[j] = -w.at(o, j);
    for (int64_t i = 0; i < n; ++i) d[kept[i]] += a[i * (n + 1) + n] / a[i * (n + 1) + i];
    for (int64_t i = 0; i < k; ++i)
      for (int64_t j = 0; j < k; ++j) total += d[i] * h(i, j) * d[j];
  }
  return static_cast<double>(total);
}

TEST(SveCriteria, ObsIsTheGreedyOrderRecomputedFromScratch) {
  for (uint64_t seed = 1; seed <= 12; ++seed) {
    SCOPED_TRACE(testing::Message() << "seed " << seed);
    Rng rng(seed);
    const int64_t k = rng.Between(1, 9), outputs = rng.Between(1, 3), width = rng.Between(1, 3);
    const Matrix w = RandomWeights(rng, outputs, k);
    const LayerStatistics s = RandomStatistics(rng, w);
    const EntryGroups groups = NeighbouringChannels({k, 1}, width);
    const double lambda = 0.05;
    const EliminationOrder order = Rank("obs", {s, w, groups, lambda});
    ASSERT_EQ(order.groups.size(), groups.size());
    std::vector<int64_t> left(groups.size());
    std::iota(left.begin(), left.end(), int64_t{0});
    double now = 0;
    for (size_t step = 0; step < groups.size(); ++step) {
      int64_t best = -1;
      double best_score = 0, best_error = 0;
      for (const int64_t g : left) {
        std::vector<int64_t> kept;
        for (const int64_t other : left)
          if (other != g) kept.insert(kept.end(), groups[other].begin(), groups[other].end());
        const double error = LeastError(s, w, lambda, kept);
        const double score = (error - now) / static_cast<double>(groups[g].size());
        if (best < 0 || score < best_score) {
          best = g;
          best_score = score;
          best_error = error;
        }
      }
      EXPECT_EQ(order.groups[step], best);
      EXPECT_NEAR(order.cost[step], best_error, 1e-7 * (1 + best_error));
      now = best_error;
      left.erase(std::find(left.begin(), left.end(), best));
    }
  }
}

TEST(SveCriteria, ObsStartsFromTheRefitToTheTargets) {
  // The targets use entry 1 alone although the weights say entry 0: entry 0 goes first.
  Rng rng(3);
  Matrix w(1, 2), truth(1, 2);
  w.data = {1, 0};
  truth.data = {0, 1};
  LayerStatistics s = RandomStatistics(rng, truth);
  EXPECT_EQ(Rank("obs", {s, w, Singles(2), 1e-9}).groups[0], 0);
  EXPECT_EQ(Rank("magnitude", {s, w, Singles(2), 1e-9}).groups[0], 1);
}

TEST(SveCriteria, BatchedObsIsCloseToExact) {
  // 600 entries in batches; no copy of a pair is thought to be cheap once the other is gone.
  Rng rng(4);
  const int64_t k = 600, outputs = 8;
  const Matrix w = RandomWeights(rng, outputs, k);
  const Matrix x = Random(rng, 700, k / 2);
  Matrix twice(700, k);
  for (int64_t r = 0; r < 700; ++r)
    for (int64_t i = 0; i < k; ++i) twice.at(r, i) = x.at(r, i / 2) + 0.01 * rng.Normal();
  LayerStatistics s;
  s.count = 700;
  s.mean.resize(k);
  s.gram = Product(nullptr, twice, Transposed::kYes, twice, Transposed::kNo);
  for (double& g : s.gram.data) g /= 700;
  const std::vector<float> floats(w.data.begin(), w.data.end());
  s = WithTargets(std::move(s), floats, outputs);
  const EliminationOrder order = Rank("obs", {s, w, Singles(k), 1e-4});
  std::vector<char> gone(k);
  int whole_pairs = 0;
  for (int64_t i = 0; i < k / 2; ++i) gone[order.groups[i]] = 1;
  for (int64_t i = 0; i < k; i += 2) whole_pairs += gone[i] && gone[i + 1];
  EXPECT_LE(whole_pairs, 3);
  std::vector<int64_t> sorted = order.groups;
  std::sort(sorted.begin(), sorted.end());
  for (int64_t i = 0; i < k; ++i) ASSERT_EQ(sorted[i], i);
  EXPECT_TRUE(std::is_sorted(order.cost.begin(), order.cost.end()));
}

TEST(SveCriteria, MagnitudeAndActivationByHand) {
  Matrix w(2, 3);
  w.data = {3, 1, 0.5,  //
            4, 1, 0.5};
  LayerStatistics s;
  s.count = 100;
  s.mean = {0, 0, 10};
  s.gram = Matrix(3, 3);
  s.gram.at(0, 0) = 0.01;  // 5 x 0.1, 1.41 x 1, 0.71 x 10
  s.gram.at(1, 1) = 1;
  s = WithTargets(std::move(s), std::vector<float>(w.data.begin(), w.data.end()), 2);
  EXPECT_EQ(Rank("magnitude", {s, w, Singles(3)}).groups, (std::vector<int64_t>{2, 1, 0}));
  const EliminationOrder activation = Rank("activation", {s, w, Singles(3)});
  EXPECT_EQ(activation.groups, (std::vector<int64_t>{0, 1, 2}));
  EXPECT_NEAR(activation.cost[0], 0.5, 1e-12);
  EXPECT_NEAR(activation.cost[2], std::sqrt(0.5) * 10, 1e-9);
  // Per entry: the short last group is not preferred for being short.
  w.data = {2, 2, 1.9, 2, 2, 1.9};
  const EntryGroups pairs = NeighbouringChannels({3, 1}, 2);
  EXPECT_EQ(Rank("magnitude", {s, w, pairs}).groups, (std::vector<int64_t>{1, 0}));
  w.data = {1.9, 1.9, 2, 1.9, 1.9, 2};
  EXPECT_EQ(Rank("magnitude", {s, w, pairs}).groups, (std::vector<int64_t>{0, 1}));
}

// The definition, from samples: correlation of the contributions over samples and outputs.
std::vector<int64_t> CorrelationBySamples(const Matrix& x, const Matrix& w,
                                          const EntryGroups& groups) {
  const int64_t n = x.rows, outputs = w.rows;
  std::vector<int64_t> left(groups.size()), order;
  std::iota(left.begin(), left.end(), int64_t{0});
  const auto contribution = [&](int64_t g, int64_t r, int64_t o) {
    double sum = 0;
    for (const int64_t k : groups[g]) sum += w.at(o, k) * x.at(r, k);
    return sum;
  };
  while (!left.empty()) {
    int64_t best = -1;
    double best_corr = -2, best_own = 0;
    for (const int64_t g : left) {
      double own = 0, rest = 0, both = 0;
      for (int64_t r = 0; r < n; ++r) {
        for (int64_t o = 0; o < outputs; ++o) {
          const double z = contribution(g, r, o);
          double sum = 0;
          for (const int64_t h : left) sum += h == g ? 0 : contribution(h, r, o);
          own += z * z;
          rest += sum * sum;
          both += z * sum;
        }
      }
      const double corr = rest > 0 ? both / std::sqrt(own * rest) : 0;
      if (corr > best_corr + 1e-12 || (corr >= best_corr - 1e-12 && own < best_own)) {
        best_corr = corr;
        best_own = own;
        best = g;
      }
    }
    order.push_back(best);
    left.erase(std::find(left.begin(), left.end(), best));
  }
  return order;
}

TEST(SveCriteria, CorrelationMatchesItsDefinitionOnSamples) {
  for (uint64_t seed = 1; seed <= 8; ++seed) {
    SCOPED_TRACE(testing::Message() << "seed " << seed);
    Rng rng(seed);
    const int64_t k = rng.Between(1, 8), outputs = rng.Between(1, 3), n = 40;
    const EntryGroups groups = NeighbouringChannels({k, 1}, rng.Between(1, 2));
    const Matrix w = RandomWeights(rng, outputs, k);
    const Matrix mix = Random(rng, k, k);
    Matrix x = Product(nullptr, Random(rng, n, k), Transposed::kNo, mix, Transposed::kNo);
    LayerStatistics s;
    s.count = n;
    s.mean.resize(k);
    for (int64_t i = 0; i < k; ++i) {
      double mean = 0;
      for (int64_t r = 0; r < n; ++r) mean += x.at(r, i) / static_cast<double>(n);
      for (int64_t r = 0; r < n; ++r) x.at(r, i) -= mean;
    }
    s.gram = Product(nullptr, x, Transposed::kYes, x, Transposed::kNo);
    for (double& g : s.gram.data) g /= static_cast<double>(n);
    EXPECT_EQ(Rank("correlation", {s, w, groups}).groups, CorrelationBySamples(x, w, groups));
  }
}

TEST(SveCriteria, CorrelationSendsSilentEntriesFirst) {
  Matrix w(1, 3);
  w.data = {1, 0, 1};
  LayerStatistics s;
  s.count = 10;
  s.mean.resize(3);
  s.gram = Matrix(3, 3);
  s.gram.data = {1, 0.5, 0.5, 0.5, 1, 0.5, 0.5, 0.5, 1};
  EXPECT_EQ(Rank("correlation", {s, w, Singles(3)}).groups[0], 1);
}

TEST(SveCriteria, NamesAreUniqueAndFound) {
  for (const Criterion& c : Criteria()) {
    EXPECT_EQ((*FindCriterion(c.name))->rank, c.rank);
    EXPECT_FALSE(c.summary.empty());
  }
  EXPECT_EQ(Criteria().front().name, "obs");
  EXPECT_FALSE(FindCriterion("luck").ok());
}

}  // namespace
}  // namespace deftnn
