#include "deftnn/analysis/linear_algebra.h"

#include <cblas.h>
#include <lapacke.h>

#include <algorithm>
#include <cmath>
#include <cstring>

#include "deftnn/analysis/blas.h"
#include "deftnn/analysis/row_blocks.h"

namespace deftnn {
namespace {

CBLAS_TRANSPOSE Flag(Transposed transposed) {
  return transposed == Transposed::kYes ? CblasTrans : CblasNoTrans;
}

const double* At(const MatrixBlock& block, int64_t row, int64_t col) {
  return block.transposed == Transposed::kYes ? block.data + col * block.stride + row
                                              : block.data + row * block.stride + col;
}

// Small enough to give several threads work, large enough for BLAS to reach its speed.
int64_t TileOf(int64_t size) { return size >= 2048 ? 512 : 192; }

// Waking threads costs more than this many multiply-adds; results do not depend on the choice.
ThreadPool* IfWorthIt(ThreadPool* pool, double multiply_adds) {
  return multiply_adds > 4e6 ? pool : nullptr;
}

int Int(int64_t value) { return static_cast<int>(value); }

struct TilePlace {
  int64_t row, col;
};

// Rows of samples, [n x cols].
template <class T>
struct SampleRows {
  int64_t cols;
  const T* data;
};

// c += a^T b over n samples, for the tile at `place` and at most `tile` rows and columns.
void AddTile(TilePlace place, int64_t tile, int64_t n, SampleRows<double> a, SampleRows<double> b,
             double* c) {
  const auto [i, j] = place;
  cblas_dgemm(CblasRowMajor, CblasTrans, CblasNoTrans, Int(std::min(tile, a.cols - i)),
              Int(std::min(tile, b.cols - j)), Int(n), 1.0, a.data + i, Int(a.cols), b.data + j,
              Int(b.cols), 1.0, c + i * b.cols + j, Int(b.cols));
}
void AddTile(TilePlace place, int64_t tile, int64_t n, SampleRows<float> a, SampleRows<float> b,
             double* c) {
  const auto [i, j] = place;
  const int64_t rows = std::min(tile, a.cols - i), cols = std::min(tile, b.cols - j);
  std::vector<float> sums(rows * cols);
  cblas_sgemm(CblasRowMajor, CblasTrans, CblasNoTrans, Int(rows), Int(cols), Int(n), 1.0f,
              a.data + i, Int(a.cols), b.data + j, Int(b.cols), 0.0f, sums.data(), Int(cols));
  for (int64_t row = 0; row < rows; ++row) {
    double* to = c + (i + row) * b.cols + j;
    for (int64_t col = 0; col < cols; ++col) to[col] += sums[row * cols + col];
  }
}

template <class T>
void AddTiles(ThreadPool* pool, const std::vector<TilePlace>& places, int64_t tile, int64_t n,
              SampleRows<T> a, SampleRows<T> b, double* c) {
  PrepareBlas();
  const auto run = [&](int64_t begin, int64_t end, int) {
    for (int64_t t = begin; t < end; ++t) AddTile(places[t], tile, n, a, b, c);
  };
  const double work = static_cast<double>(n) * static_cast<double>(tile * tile) *
                      static_cast<double>(places.size());
  ParallelFor(IfWorthIt(pool, work), static_cast<int64_t>(places.size()), run);
}

template <class T>
void AddAllTiles(ThreadPool* pool, int64_t n, SampleRows<T> y, SampleRows<T> x, double* c) {
  if (n <= 0 || y.cols <= 0 || x.cols <= 0) return;
  const int64_t tile = TileOf(x.cols);
  std::vector<TilePlace> all;
  for (int64_t i = 0; i < y.cols; i += tile)
    for (int64_t j = 0; j < x.cols; j += tile) all.push_back({i, j});
  AddTiles(pool, all, tile, n, y, x, c);
}

void Mirror(Matrix& matrix, bool from_upper) {
  constexpr int64_t kBlock = 64;
  const int64_t n = matrix.rows;
  for (int64_t bi = 0; bi < n; bi += kBlock) {
    for (int64_t bj = bi; bj < n; bj += kBlock) {
      for (int64_t i = bi; i < std::min(n, bi + kBlock); ++i) {
        for (int64_t j = std::max(i + 1, bj); j < std::min(n, bj + kBlock); ++j) {
          if (from_upper)
            matrix.at(j, i) = matrix.at(i, j);
          else
            matrix.at(i, j) = matrix.at(j, i);
        }
      }
    }
  }
}

}  // namespace

Matrix Submatrix(const Matrix& matrix, const std::vector<int64_t>* rows,
                 const std::vector<int64_t>* cols) {
  const int64_t m = rows ? static_cast<int64_t>(rows->size()) : matrix.rows;
  const int64_t n = cols ? static_cast<int64_t>(cols->size()) : matrix.cols;
  Matrix out(m, n);
  for (int64_t i = 0; i < m; ++i) {
    const double* from = matrix.row(rows ? (*rows)[i] : i);
    double* to = out.row(i);
    if (cols) {
      for (int64_t j = 0; j < n; ++j) to[j] = from[(*cols)[j]];
    } else {
      std::copy(from, from + n, to);
    }
  }
  return out;
}

std::vector<float> Columns(const std::vector<float>& rows, int64_t width,
                           const std::vector<int64_t>& columns) {
  if (static_cast<int64_t>(columns.size()) == width) return rows;
  std::vector<float> out;
  out.reserve(rows.size() / width * columns.size());
  for (size_t row = 0; row < rows.size(); row += width)
    for (const int64_t column : columns) out.push_back(rows[row + column]);
  return out;
}

void Multiply(ThreadPool* pool, int64_t m, int64_t n, int64_t k, double alpha, MatrixBlock a,
              MatrixBlock b, double beta, double* c, int64_t c_stride) {
  if (m <= 0 || n <= 0) return;
  PrepareBlas();
  const int64_t tile_m = TileOf(m), tile_n = 2 * TileOf(n);
  const int64_t tiles_m = (m + tile_m - 1) / tile_m, tiles_n = (n + tile_n - 1) / tile_n;
  const auto tiles = [&](int64_t begin, int64_t end, int) {
    for (int64_t tile = begin; tile < end; ++tile) {
      const int64_t i = tile / tiles_n * tile_m, j = tile % tiles_n * tile_n;
      cblas_dgemm(CblasRowMajor, Flag(a.transposed), Flag(b.transposed),
                  Int(std::min(tile_m, m - i)), Int(std::min(tile_n, n - j)), Int(k), alpha,
                  At(a, i, 0), Int(a.stride), At(b, 0, j), Int(b.stride), beta,
                  c + i * c_stride + j, Int(c_stride));
    }
  };
  const double work = static_cast<double>(m) * static_cast<double>(n) * static_cast<double>(k);
  ParallelFor(IfWorthIt(pool, work), tiles_m * tiles_n, tiles);
}

Matrix Product(ThreadPool* pool, const Matrix& a, Transposed a_transposed, const Matrix& b,
               Transposed b_transposed) {
  const bool ta = a_transposed == Transposed::kYes, tb = b_transposed == Transposed::kYes;
  const int64_t m = ta ? a.cols : a.rows, k = ta ? a.rows : a.cols;
  const int64_t n = tb ? b.rows : b.cols;
  DEFTNN_CHECK(k == (tb ? b.cols : b.rows));
  Matrix c(m, n);
  if (k > 0) {
    Multiply(pool, m, n, k, 1.0, Block(a, a_transposed), Block(b, b_transposed), 0.0, c.data.data(),
             n);
  }
  return c;
}

void AddGramUpper(ThreadPool* pool, int64_t n, int64_t k, const double* x, double* c) {
  if (n <= 0 || k <= 0) return;
  const int64_t tile = TileOf(k), tiles = (k + tile - 1) / tile;
  std::vector<TilePlace> upper;
  for (int64_t i = 0; i < tiles; ++i)
    for (int64_t j = i; j < tiles; ++j) upper.push_back({i * tile, j * tile});
  AddTiles<double>(pool, upper, tile, n, {k, x}, {k, x}, c);
}

void AddCross(ThreadPool* pool, int64_t n, int64_t m, int64_t k, const double* y, const double* x,
              double* c) {
  AddAllTiles<double>(pool, n, {m, y}, {k, x}, c);
}
void AddCross(ThreadPool* pool, int64_t n, int64_t m, int64_t k, const float* y, const float* x,
              double* c) {
  AddAllTiles<float>(pool, n, {m, y}, {k, x}, c);
}

void MultiplyRows(ThreadPool* pool, int64_t n, int64_t m, int64_t k, const float* x, const float* w,
                  float* y) {
  if (n <= 0 || m <= 0) return;
  PrepareBlas();
  constexpr int64_t kRows = 128;
  const auto run = [&](int64_t begin, int64_t end, int) {
    for (int64_t t = begin; t < end; ++t) {
      const int64_t row = t * kRows;
      cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasTrans, Int(std::min(kRows, n - row)), Int(m),
                  Int(k), 1.0f, x + row * k, Int(k), w, Int(k), 0.0f, y + row * m, Int(m));
    }
  };
  const double work = static_cast<double>(n) * static_cast<double>(m) * static_cast<double>(k);
  ParallelFor(IfWorthIt(pool, work), (n + kRows - 1) / kRows, run);
}

void Mirror(Matrix& matrix) { Mirror(matrix, true); }

Result<Cholesky> Cholesky::FactorDamped(Matrix matrix, double lambda) {
  DEFTNN_CHECK(matrix.rows == matrix.cols);
  PrepareBlas();
  const int64_t n = matrix.rows;
  std::vector<double> diagonal(n);
  double mean = 0;
  for (int64_t i = 0; i < n; ++i) mean += diagonal[i] = matrix.at(i, i);
  mean /= static_cast<double>(std::max<int64_t>(1, n));
  if (!std::isfinite(mean)) return Error("the Gram matrix has a value that is not finite");
  Cholesky result;
  result.factor_ = std::move(matrix);
  Matrix& factor = result.factor_;
  result.lambda_ = lambda;
  for (int attempt = 0; attempt < 8; ++attempt) {
    for (int64_t i = 0; i < n; ++i) factor.at(i, i) = diagonal[i] + result.lambda_;
    // Column-major lower = row-major upper: the row-major lower triangle keeps the matrix.
    if (n == 0 ||
        LAPACKE_dpotrf_work(LAPACK_COL_MAJOR, 'L', Int(n), factor.data.data(), Int(n)) == 0)
      return result;
    Mirror(factor, false);
    const double least = mean > 0 ? 1e-12 * mean : 1e-12;
    result.lambda_ = std::max(least, 10 * result.lambda_);
  }
  return Error("the Gram matrix of {} inputs cannot be factored, even with damping {:.3g}", n,
               result.lambda_)
      .WithHint("more calibration samples, or a larger damping");
}

void Cholesky::SolveRows(ThreadPool* pool, int64_t count, double* rows) const {
  const int64_t n = size();
  if (n == 0 || count == 0) return;
  constexpr int64_t kTile = 64;
  const auto solve = [&](int64_t begin, int64_t end, int) {
    for (int64_t tile = begin; tile < end; ++tile) {
      const int64_t i = tile * kTile;
      const lapack_int info =
          LAPACKE_dpotrs_work(LAPACK_COL_MAJOR, 'L', Int(n), Int(std::min(kTile, count - i)),
                              factor_.data.data(), Int(n), rows + i * n, Int(n));
      DEFTNN_CHECK(info == 0);
    }
  };
  const double work = static_cast<double>(count) * static_cast<double>(n) * static_cast<double>(n);
  ParallelFor(IfWorthIt(pool, work), (count + kTile - 1) / kTile, solve);
}

Matrix Cholesky::Inverse() && {
  if (size() > 0) {
    const lapack_int info =
        LAPACKE_dpotri_work(LAPACK_COL_MAJOR, 'L', Int(size()), factor_.data.data(), Int(size()));
    DEFTNN_CHECK(info == 0);
  }
  Mirror(factor_, true);
  return std::move(factor_);
}

bool FactorSmall(int64_t n, double* block, int64_t stride) {
  if (n == 1) {
    if (!(block[0] > 0)) return false;
    block[0] = std::sqrt(block[0]);
    return true;
  }
  PrepareBlas();
  return LAPACKE_dpotrf_work(LAPACK_COL_MAJOR, 'L', Int(n), block, Int(stride)) == 0;
}

void SolveSmall(int64_t n, const double* factor, int64_t factor_stride, int64_t count, double* b,
                int64_t b_stride) {
  if (count == 0) return;
  PrepareBlas();
  // H = U^T U with U the row-major upper triangle.
  cblas_dtrsm(CblasRowMajor, CblasLeft, CblasUpper, CblasTrans, CblasNonUnit, Int(n), Int(count),
              1.0, factor, Int(factor_stride), b, Int(b_stride));
  cblas_dtrsm(CblasRowMajor, CblasLeft, CblasUpper, CblasNoTrans, CblasNonUnit, Int(n), Int(count),
              1.0, factor, Int(factor_stride), b, Int(b_stride));
}

double Dot(int64_t n, const double* a, const double* b) { return cblas_ddot(Int(n), a, 1, b, 1); }

}  // namespace deftnn
