// A dense matrix of doubles, row-major: what statistics and elimination are computed in.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace deftnn {

struct Matrix {
  int64_t rows = 0, cols = 0;
  std::vector<double> data;  // [rows x cols]

  Matrix() = default;
  /// Zero-filled.
  Matrix(int64_t row_count, int64_t col_count)
      : rows(row_count), cols(col_count), data(static_cast<size_t>(row_count * col_count)) {}

  bool empty() const { return data.empty(); }
  double* row(int64_t i) { return data.data() + i * cols; }
  const double* row(int64_t i) const { return data.data() + i * cols; }
  double& at(int64_t i, int64_t j) { return data[static_cast<size_t>(i * cols + j)]; }
  double at(int64_t i, int64_t j) const { return data[static_cast<size_t>(i * cols + j)]; }
};

/// matrix[rows, cols], for index lists that stay in bounds; an empty pointer means every index.
Matrix Submatrix(const Matrix& matrix, const std::vector<int64_t>* rows,
                 const std::vector<int64_t>* cols);
/// Some columns of a row-major [n x width].
std::vector<float> Columns(const std::vector<float>& rows, int64_t width,
                           const std::vector<int64_t>& columns);

}  // namespace deftnn
