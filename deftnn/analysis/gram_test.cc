#include "deftnn/analysis/gram.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "deftnn/analysis/linear_algebra.h"
#include "deftnn/base/rng.h"

namespace deftnn {
namespace {

std::vector<float> RandomRows(Rng& rng, int64_t rows, int64_t cols, float offset = 0) {
  std::vector<float> x(rows * cols);
  for (float& v : x) v = static_cast<float>(rng.Normal()) + offset;
  return x;
}

struct Moments {
  std::vector<long double> mean_x, mean_y, gram, cross, variance;
};

Moments Oracle(int64_t n, int64_t k, int64_t o, const std::vector<float>& x,
               const std::vector<double>& y) {
  Moments m;
  m.mean_x.resize(k);
  m.mean_y.resize(o);
  m.gram.resize(k * k);
  m.cross.resize(o * k);
  m.variance.resize(o);
  for (int64_t r = 0; r < n; ++r) {
    for (int64_t i = 0; i < k; ++i) m.mean_x[i] += static_cast<long double>(x[r * k + i]) / n;
    for (int64_t i = 0; i < o; ++i) m.mean_y[i] += static_cast<long double>(y[r * o + i]) / n;
  }
  for (int64_t r = 0; r < n; ++r) {
    for (int64_t i = 0; i < k; ++i)
      for (int64_t j = 0; j < k; ++j)
        m.gram[i * k + j] += (x[r * k + i] - m.mean_x[i]) * (x[r * k + j] - m.mean_x[j]) / n;
    for (int64_t i = 0; i < o; ++i) {
      const long double d = y[r * o + i] - m.mean_y[i];
      m.variance[i] += d * d / n;
      for (int64_t j = 0; j < k; ++j) m.cross[i * k + j] += d * (x[r * k + j] - m.mean_x[j]) / n;
    }
  }
  return m;
}

void ExpectNear(const std::vector<double>& got, const std::vector<long double>& want, double tol) {
  ASSERT_EQ(got.size(), want.size());
  for (size_t i = 0; i < got.size(); ++i)
    EXPECT_NEAR(got[i], static_cast<double>(want[i]), tol) << i;
}

TEST(AnalysisGram, MatchesDirectMomentsFarFromZeroMean) {
  for (const uint64_t seed : {1, 2, 3, 4}) {
    SCOPED_TRACE(testing::Message() << "seed " << seed);
    Rng rng(seed);
    const int64_t n = rng.Between(1, 1500), k = rng.Between(1, 9), o = rng.Between(1, 4);
    const std::vector<float> x = RandomRows(rng, n, k, 1000.0f);
    const std::vector<float> y = RandomRows(rng, n, o, -50.0f);
    auto a = GramAccumulator::Create({k, o});
    ASSERT_TRUE(a.ok());
    for (int64_t r = 0; r < n;) {
      const int64_t take = std::min(n - r, rng.Between(0, 300));
      ASSERT_TRUE(a->Add(take, x.data() + r * k, y.data() + r * o).ok());
      r += take;
    }
    EXPECT_EQ(a->count(), n);
    const auto s = a->Finish();
    ASSERT_TRUE(s.ok());
    const Moments m = Oracle(n, k, o, x, {y.begin(), y.end()});
    ExpectNear(s->mean, m.mean_x, 1e-5);
    ExpectNear(s->gram.data, m.gram, 1e-5);
    ExpectNear(s->target_mean, m.mean_y, 1e-5);
    ExpectNear(s->target_variance, m.variance, 1e-5);
    ExpectNear(s->cross.data, m.cross, 1e-5);
  }
}

TEST(AnalysisGram, OwnTargetsAreWG) {
  Rng rng(8);
  const int64_t n = 300, k = 6, o = 2;
  const std::vector<float> x = RandomRows(rng, n, k, 2.0f), w = RandomRows(rng, o, k);
  auto own = GramAccumulator::Create({k});
  auto other = GramAccumulator::Create({k, o});
  std::vector<float> y(n * o);
  MultiplyRows(nullptr, n, o, k, x.data(), w.data(), y.data());
  ASSERT_TRUE(own->Add(n, x.data()).ok());
  ASSERT_TRUE(other->Add(n, x.data(), y.data()).ok());
  const LayerStatistics a = WithTargets(*own->Finish(), w, o);
  const LayerStatistics b = *other->Finish();
  for (int64_t i = 0; i < o * k; ++i) EXPECT_NEAR(a.cross.data[i], b.cross.data[i], 1e-6);
  for (int64_t i = 0; i < o; ++i) EXPECT_NEAR(a.target_variance[i], b.target_variance[i], 1e-6);
  for (int64_t i = 0; i < o; ++i) EXPECT_NEAR(a.target_mean[i], b.target_mean[i], 1e-6);
}

TEST(AnalysisGram, MergingEqualsAddingAll) {
  Rng rng(9);
  const int64_t k = 7, o = 2;
  const std::vector<float> x = RandomRows(rng, 3000, k, 10.0f), y = RandomRows(rng, 3000, o, 5.0f);
  auto all = GramAccumulator::Create({k, o}), a = GramAccumulator::Create({k, o}),
       b = GramAccumulator::Create({k, o}), empty = GramAccumulator::Create({k, o});
  ASSERT_TRUE(all->Add(3000, x.data(), y.data()).ok());
  ASSERT_TRUE(a->Add(1234, x.data(), y.data()).ok());
  ASSERT_TRUE(b->Add(1766, x.data() + 1234 * k, y.data() + 1234 * o).ok());
  ASSERT_TRUE(a->Merge(*b).ok());
  ASSERT_TRUE(a->Merge(*empty).ok());
  ASSERT_TRUE(empty->Merge(*a).ok());
  for (auto* merged : {&a, &empty}) {
    const LayerStatistics m = *(*merged)->Finish(), s = *all->Finish();
    EXPECT_EQ(m.count, s.count);
    for (size_t i = 0; i < s.gram.data.size(); ++i)
      EXPECT_NEAR(m.gram.data[i], s.gram.data[i], 1e-6);
    for (size_t i = 0; i < s.cross.data.size(); ++i)
      EXPECT_NEAR(m.cross.data[i], s.cross.data[i], 1e-6);
    for (int64_t i = 0; i < k; ++i) EXPECT_NEAR(m.mean[i], s.mean[i], 1e-6);
    for (int64_t i = 0; i < o; ++i) EXPECT_NEAR(m.target_variance[i], s.target_variance[i], 1e-6);
  }
  auto foreign = GramAccumulator::Create({k + 1, o});
  EXPECT_FALSE(a->Merge(*foreign).ok());
  std::vector<double> cut = a->State();
  cut.pop_back();
  EXPECT_FALSE(b->MergeState(cut).ok());
}

TEST(AnalysisGram, BitsDependOnTheRowsAlone) {
  Rng rng(10);
  const int64_t n = 1300, k = 400, o = 250;
  const std::vector<float> x = RandomRows(rng, n, k), y = RandomRows(rng, n, o);
  std::vector<LayerStatistics> results;
  for (const int threads : {1, 2, 3}) {
    ThreadPool pool(threads);
    auto a = GramAccumulator::Create({k, o}, &pool);
    for (int64_t r = 0; r < n; r += 97 * threads) {
      const int64_t take = std::min<int64_t>(97 * threads, n - r);
      ASSERT_TRUE(a->Add(take, x.data() + r * k, y.data() + r * o).ok());
    }
    results.push_back(*a->Finish());
  }
  for (const LayerStatistics& s : results) {
    EXPECT_EQ(s.gram.data, results[0].gram.data);
    EXPECT_EQ(s.cross.data, results[0].cross.data);
    EXPECT_EQ(s.mean, results[0].mean);
  }
}

TEST(AnalysisGram, ConstantColumnsHaveExactlyZeroVariance) {
  std::vector<float> x;
  Rng rng(11);
  for (int i = 0; i < 1500; ++i) {
    x.push_back(0.1f);
    x.push_back(static_cast<float>(rng.Normal()));
    x.push_back(0.0f);
  }
  auto a = GramAccumulator::Create({3});
  ASSERT_TRUE(a->Add(1500, x.data()).ok());
  const LayerStatistics s = *a->Finish();
  EXPECT_EQ(s.gram.at(0, 0), 0.0);
  EXPECT_EQ(s.gram.at(2, 2), 0.0);
  EXPECT_EQ(s.mean[0], static_cast<double>(0.1f));
}

TEST(AnalysisGram, RefusesWhatCannotBeMeasured) {
  EXPECT_FALSE(GramAccumulator::Create({0}).ok());
  EXPECT_FALSE(GramAccumulator::Create({int64_t{1} << 40}).ok());
  EXPECT_FALSE(GramAccumulator::Create({1 << 20}).ok());
  auto a = GramAccumulator::Create({2});
  EXPECT_FALSE(a->Finish().ok());
  for (const float bad :
       {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity()}) {
    const std::vector<float> x = {1, 2, bad, 4};
    EXPECT_FALSE(a->Add(2, x.data()).ok());
  }
}

}  // namespace
}  // namespace deftnn
