#include "deftnn/analysis/linear_algebra.h"

#include <gtest/gtest.h>

#include "deftnn/base/rng.h"

namespace deftnn {
namespace {

Matrix Random(Rng& rng, int64_t rows, int64_t cols) {
  Matrix m(rows, cols);
  for (double& v : m.data) v = rng.Normal();
  return m;
}

TEST(AnalysisLinearAlgebra, ProductsMatchLoopsForEveryTransposition) {
  ThreadPool pool(2);
  for (const uint64_t seed : {1, 2, 3, 4, 5, 6}) {
    SCOPED_TRACE(testing::Message() << "seed " << seed);
    Rng rng(seed);
    const int64_t m = rng.Between(1, 230), n = rng.Between(1, 450), k = rng.Between(1, 20);
    for (const auto ta : {Transposed::kNo, Transposed::kYes}) {
      for (const auto tb : {Transposed::kNo, Transposed::kYes}) {
        const bool a_t = ta == Transposed::kYes, b_t = tb == Transposed::kYes;
        const Matrix a = a_t ? Random(rng, k, m) : Random(rng, m, k);
        const Matrix b = b_t ? Random(rng, n, k) : Random(rng, k, n);
        const Matrix c = Product(&pool, a, ta, b, tb);
        EXPECT_EQ(c.data, Product(nullptr, a, ta, b, tb).data);
        for (int64_t i = 0; i < m; i += 17) {
          for (int64_t j = 0; j < n; j += 13) {
            double sum = 0;
            for (int64_t p = 0; p < k; ++p)
              sum += (a_t ? a.at(p, i) : a.at(i, p)) * (b_t ? b.at(j, p) : b.at(p, j));
            EXPECT_NEAR(c.at(i, j), sum, 1e-11);
          }
        }
      }
    }
  }
}

TEST(AnalysisLinearAlgebra, SumsOverSamplesMatchLoops) {
  ThreadPool pool(2);
  for (const uint64_t seed : {1, 2, 3, 4}) {
    SCOPED_TRACE(testing::Message() << "seed " << seed);
    Rng rng(seed);
    const int64_t n = rng.Between(1, 700), m = rng.Between(1, 230), k = rng.Between(1, 420);
    std::vector<float> y(n * m), x(n * k);
    for (float& v : y) v = static_cast<float>(rng.Normal());
    for (float& v : x) v = static_cast<float>(rng.Normal());
    const Matrix before = Random(rng, m, k);
    Matrix wide = before, narrow = before, on_one = before;
    AddCross(&pool, n, m, k, std::vector<double>(y.begin(), y.end()).data(),
             std::vector<double>(x.begin(), x.end()).data(), wide.data.data());
    AddCross(&pool, n, m, k, y.data(), x.data(), narrow.data.data());
    AddCross(nullptr, n, m, k, y.data(), x.data(), on_one.data.data());
    EXPECT_EQ(narrow.data, on_one.data);
    for (int64_t i = 0; i < m; i += 7) {
      for (int64_t j = 0; j < k; j += 11) {
        double sum = before.at(i, j);
        for (int64_t r = 0; r < n; ++r) sum += double{y[r * m + i]} * x[r * k + j];
        EXPECT_NEAR(wide.at(i, j), sum, 1e-10);
        EXPECT_NEAR(narrow.at(i, j), sum, 1e-6 * static_cast<double>(n + 1));
      }
    }
  }
}

TEST(AnalysisLinearAlgebra, CholeskySolvesAndInverts) {
  ThreadPool pool(2);
  Rng rng(3);
  for (const int64_t n : {1, 2, 37, 70}) {
    const Matrix x = Random(rng, 2 * n + 3, n);
    Matrix h = Product(nullptr, x, Transposed::kYes, x, Transposed::kNo);
    const Matrix original = h;
    auto factor = Cholesky::FactorDamped(std::move(h), 0.5);
    ASSERT_TRUE(factor.ok());
    EXPECT_EQ(factor->lambda(), 0.5);
    const Matrix b = Random(rng, 130, n);
    Matrix solved = b;
    factor->SolveRows(&pool, 130, solved.data.data());
    Matrix damped = original;
    for (int64_t i = 0; i < n; ++i) damped.at(i, i) += 0.5;
    const Matrix back = Product(nullptr, solved, Transposed::kNo, damped, Transposed::kNo);
    for (size_t i = 0; i < b.data.size(); ++i) EXPECT_NEAR(back.data[i], b.data[i], 1e-8);
    const Matrix inverse = std::move(*factor).Inverse();
    const Matrix one = Product(nullptr, inverse, Transposed::kNo, damped, Transposed::kNo);
    for (int64_t i = 0; i < n; ++i)
      for (int64_t j = 0; j < n; ++j) EXPECT_NEAR(one.at(i, j), i == j, 1e-8);
  }
}

TEST(AnalysisLinearAlgebra, DampingGrowsUntilASingularMatrixFactors) {
  Matrix h(3, 3);
  h.data = {1, 1, 0, 1, 1, 0, 0, 0, 0};
  auto factor = Cholesky::FactorDamped(h, 0);
  ASSERT_TRUE(factor.ok());
  EXPECT_GT(factor->lambda(), 0);
  std::vector<double> b = {1, 1, 0};
  factor->SolveRows(nullptr, 1, b.data());
  EXPECT_NEAR(b[0] + b[1], 1.0, 1e-3);
  h.data[0] = -1e9;
  EXPECT_FALSE(Cholesky::FactorDamped(h, 0).ok());
}

TEST(AnalysisLinearAlgebra, SmallFactorSolves) {
  std::vector<double> q = {4, 2, 2, 3}, b = {10, 1, 8, 0};
  ASSERT_TRUE(FactorSmall(2, q.data(), 2));
  SolveSmall(2, q.data(), 2, 2, b.data(), 2);
  EXPECT_NEAR(b[0], 1.75, 1e-12);
  EXPECT_NEAR(b[2], 1.5, 1e-12);
  EXPECT_NEAR(b[1], 0.375, 1e-12);
  EXPECT_NEAR(b[3], -0.25, 1e-12);
  std::vector<double> bad = {1, 2, 2, 1};
  EXPECT_FALSE(FactorSmall(2, bad.data(), 2));
}

}  // namespace
}  // namespace deftnn
