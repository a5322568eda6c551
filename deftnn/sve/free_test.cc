#include "deftnn/sve/free.h"

#include <gtest/gtest.h>

#include "deftnn/analysis/gram.h"
#include "deftnn/base/rng.h"
#include "deftnn/sve/eliminate.h"

namespace deftnn {
namespace {

// Columns: 0 free noise, 1 constant, 2 zero, 3 copy of 0, 4 noise, 5 copy of 4 plus 1, 6 copy of 0.
constexpr int64_t kK = 7;

std::vector<float> Rows(Rng& rng, int64_t n) {
  std::vector<float> x;
  for (int64_t i = 0; i < n; ++i) {
    // Multiples of 1/64, so that adding 1 is exact.
    const auto a = static_cast<float>(rng.Between(-128, 128)) / 64;
    const auto b = static_cast<float>(rng.Between(0, 128)) / 64;
    for (const float v : {a, 0.7f, 0.0f, a, b, b + 1, a}) x.push_back(v);
  }
  return x;
}

LayerStatistics Measure(const std::vector<float>& x, int64_t k) {
  auto a = GramAccumulator::Create({k});
  EXPECT_TRUE(a->Add(static_cast<int64_t>(x.size()) / k, x.data()).ok());
  return *a->Finish();
}

Matrix Weights(Rng& rng, int64_t outputs) {
  Matrix w(outputs, kK);
  for (double& v : w.data) v = static_cast<float>(rng.Normal());
  return w;
}

void ExpectSameOutputs(const std::vector<float>& x, const Matrix& w,
                       const std::vector<double>& bias, const FreeRemovals& free) {
  for (size_t r = 0; r < x.size() / kK; ++r) {
    for (int64_t o = 0; o < w.rows; ++o) {
      double before = bias[o], after = free.bias[o];
      for (int64_t k = 0; k < kK; ++k) {
        before += w.at(o, k) * x[r * kK + k];
        after += free.weights.at(o, k) * x[r * kK + k];
      }
      EXPECT_NEAR(before, after, 1e-9);
    }
  }
}

TEST(SveFree, ConstantsAndCopiesGoExactly) {
  Rng rng(1);
  const std::vector<float> x = Rows(rng, 900);
  const Matrix w = Weights(rng, 3);
  const std::vector<double> bias = {1, 2, 3};
  const FreeRemovals free = RemoveFree(Measure(x, kK), w, bias, NeighbouringChannels({kK, 1}, 1));
  EXPECT_EQ(free.groups, (std::vector<int64_t>{1, 2, 3, 5, 6}));
  EXPECT_EQ(free.constant_entries, 2);
  EXPECT_EQ(free.duplicate_entries, 3);
  for (const int64_t g : free.groups)
    for (int64_t o = 0; o < 3; ++o) EXPECT_EQ(free.weights.at(o, g), 0);
  ExpectSameOutputs(x, w, bias, free);
}

TEST(SveFree, AGroupGoesOnlyWhole) {
  Rng rng(2);
  const std::vector<float> x = Rows(rng, 900);
  const Matrix w = Weights(rng, 2);
  const std::vector<double> bias = {0, 0};
  // {0,1} {2,3} {4,5} {6}: 2 and 3 are free; 5 is not, because 4 goes with it; 6 copies 0.
  const EntryGroups groups = NeighbouringChannels({kK, 1}, 2);
  const FreeRemovals free = RemoveFree(Measure(x, kK), w, bias, groups);
  EXPECT_EQ(free.groups, (std::vector<int64_t>{1, 3}));
  ExpectSameOutputs(x, w, bias, free);
}

TEST(SveFree, NearCopiesAndFewSamplesStay) {
  Rng rng(3);
  std::vector<float> x;
  for (int i = 0; i < 500; ++i) {
    const auto a = static_cast<float>(rng.Normal());
    x.push_back(a);
    x.push_back(a + 1e-4f * static_cast<float>(rng.Normal()));
    x.push_back(2 * a);
    x.push_back(3.0f + 1e-3f * static_cast<float>(rng.Normal()));
  }
  Matrix w(1, 4);
  w.data = {1, 1, 1, 1};
  EXPECT_TRUE(RemoveFree(Measure(x, 4), w, {0}, NeighbouringChannels({4, 1}, 1)).groups.empty());
  Rng other(4);
  const std::vector<float> few = Rows(other, kLeastSamples - 1);
  EXPECT_TRUE(RemoveFree(Measure(few, kK), Weights(other, 1), {0}, NeighbouringChannels({kK, 1}, 1))
                  .groups.empty());
}

TEST(SveFree, TheEliminatorKeepsWhatPays) {
  Rng rng(5);
  const std::vector<float> x = Rows(rng, 900);
  LayerProblem p;
  p.outputs = 2;
  p.layout = {kK, 1};
  const Matrix w = Weights(rng, 2);
  p.weights.assign(w.data.begin(), w.data.end());
  p.statistics = Measure(x, kK);
  for (const char* compensation : {"none", "scale", "least-squares"}) {
    const auto e = Eliminator::Create(p, {.compensation = compensation});
    ASSERT_TRUE(e.ok());
    EXPECT_EQ(e->paying_groups(), 2);
    const auto all = e->KeepFraction(1.0);
    EXPECT_EQ(all->kept_entries, (std::vector<int64_t>{0, 4}));
    EXPECT_LT(all->relative_error, 1e-12);
  }
}

}  // namespace
}  // namespace deftnn
