// Products and factorisations on OpenBLAS and LAPACK, in float64 where nothing else is said.
//
// Every call into BLAS runs on the calling thread; work is split into tiles whose sizes depend on
// the problem alone and the tiles are spread over a ThreadPool. So a result is the same bit for bit
// at any number of threads. A null pool means the calling thread.
#pragma once

#include "deftnn/analysis/matrix.h"
#include "deftnn/base/status.h"
#include "deftnn/base/threads.h"

namespace deftnn {

enum class Transposed { kNo, kYes };

/// A block of somebody's matrix, row-major with a leading dimension.
struct MatrixBlock {
  const double* data = nullptr;
  int64_t stride = 0;  // doubles from one row to the next
  Transposed transposed = Transposed::kNo;
};
inline MatrixBlock Block(const Matrix& matrix, Transposed transposed = Transposed::kNo) {
  return {matrix.data.data(), matrix.cols, transposed};
}

/// c = alpha a b + beta c: op(a) is [m x k], op(b) is [k x n], c is [m x n] with rows `c_stride`
/// apart. Rank-0 sizes are allowed.
void Multiply(ThreadPool* pool, int64_t m, int64_t n, int64_t k, double alpha, MatrixBlock a,
              MatrixBlock b, double beta, double* c, int64_t c_stride);
/// op(a) op(b) as a new matrix.
Matrix Product(ThreadPool* pool, const Matrix& a, Transposed a_transposed, const Matrix& b,
               Transposed b_transposed);

/// Sums over samples, [n x k] and [n x m].
/// c += x^T x, only the tiles on and above the diagonal of c [k x k]; Mirror then copies the upper
/// triangle to the lower one.
void AddGramUpper(ThreadPool* pool, int64_t n, int64_t k, const double* x, double* c);
/// c += y^T x, c [m x k].
void AddCross(ThreadPool* pool, int64_t n, int64_t m, int64_t k, const double* y, const double* x,
              double* c);
/// The same of float32 samples: each tile's sums over these n in float32, added to c in float64.
/// For blocks of a thousand samples or so.
void AddCross(ThreadPool* pool, int64_t n, int64_t m, int64_t k, const float* y, const float* x,
              double* c);
/// y = x w^T in float32: x [n x k], w [m x k], y [n x m].
void MultiplyRows(ThreadPool* pool, int64_t n, int64_t m, int64_t k, const float* x, const float* w,
                  float* y);
void Mirror(Matrix& matrix);

/// The Cholesky factor of a symmetric positive definite matrix (of which one triangle is read).
/// False when it is not positive definite to working precision.
class Cholesky {
 public:
  /// Takes the matrix over. With `lambda` on the diagonal; when that fails, tries again with ten
  /// times as much (from 1e-12 x the mean diagonal when lambda is 0), up to eight times.
  static Result<Cholesky> FactorDamped(Matrix matrix, double lambda);

  int64_t size() const { return factor_.rows; }
  /// What was on the diagonal in the end.
  double lambda() const { return lambda_; }
  /// Solves H x = b for each row b of `rows` [count x size], in place.
  void SolveRows(ThreadPool* pool, int64_t count, double* rows) const;
  /// The whole inverse; uses up the factor.
  Matrix Inverse() &&;

 private:
  Matrix factor_;
  double lambda_ = 0;
};

/// In place on one small block [n x n] with rows `stride` apart; false when not positive definite.
bool FactorSmall(int64_t n, double* block, int64_t stride);
/// Solves with the factor of FactorSmall for `count` columns held in rows: b is [n x count].
void SolveSmall(int64_t n, const double* factor, int64_t factor_stride, int64_t count, double* b,
                int64_t b_stride);

double Dot(int64_t n, const double* a, const double* b);

}  // namespace deftnn
