#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "deftnn/data/class_rows.h"
#include "deftnn/data/metric.h"

namespace deftnn {
namespace {

/// Probabilities that rounded to nothing still count as this, which keeps the divergence finite.
constexpr double kLeastProbability = 1e-12;

/// The logarithms of one row's probabilities; false when the row holds a NaN.
bool LogProbabilities(const float* row, const ClassRows& rows, OutputKind kind,
                      std::vector<double>& out) {
  out.resize(static_cast<size_t>(rows.classes));
  double largest = -std::numeric_limits<double>::infinity();
  for (size_t c = 0; c < out.size(); ++c) {
    const double x = row[static_cast<int64_t>(c) * rows.class_stride];
    if (std::isnan(x)) return false;
    out[c] = x;
    largest = std::max(largest, x);
  }
  if (kind == OutputKind::kProbabilities) {
    double sum = 0;
    for (double& x : out) sum += x = std::max(x, 0.0);
    if (!(sum > 0) || !std::isfinite(sum)) return false;
    for (double& x : out) x = std::log(std::max(x / sum, kLeastProbability));
    return true;
  }
  if (!std::isfinite(largest)) return false;
  double sum = 0;
  for (double x : out) sum += std::exp(x - largest);
  for (double& x : out) x -= largest + std::log(sum);
  return true;
}

const float* RowAt(const Tensor& tensor, const ClassRows& rows, int64_t sample, int64_t position) {
  return tensor.values<float>().data() + sample * rows.positions * rows.classes +
         position * rows.position_stride;
}

}  // namespace

Result<OutputKind> KindOf(const Tensor& outputs) {
  DEFTNN_ASSIGN_OR_RETURN(const Tensor values, ToFloat32(outputs));
  DEFTNN_ASSIGN_OR_RETURN(const ClassRows rows, ClassRowsOf(values.shape()));
  for (int64_t s = 0; s < rows.samples; ++s) {
    for (int64_t p = 0; p < rows.positions; ++p) {
      const float* row = RowAt(values, rows, s, p);
      double sum = 0;
      for (int64_t c = 0; c < rows.classes; ++c) {
        if (!(row[c * rows.class_stride] >= 0)) return OutputKind::kLogits;
        sum += row[c * rows.class_stride];
      }
      if (std::abs(sum - 1) > 1e-3) return OutputKind::kLogits;
    }
  }
  return OutputKind::kProbabilities;
}

Result<std::vector<double>> KlDivergence(const Tensor& original, const Tensor& candidate,
                                         OutputKind kind) {
  if (original.shape() != candidate.shape()) {
    return Error("outputs of shapes {} and {} cannot be compared", ToString(original.shape()),
                 ToString(candidate.shape()));
  }
  DEFTNN_ASSIGN_OR_RETURN(const Tensor p_values, ToFloat32(original));
  DEFTNN_ASSIGN_OR_RETURN(const Tensor q_values, ToFloat32(candidate));
  DEFTNN_ASSIGN_OR_RETURN(const ClassRows rows, ClassRowsOf(original.shape()));
  std::vector<double> divergences, log_p, log_q;
  for (int64_t s = 0; s < rows.samples; ++s) {
    double total = 0;
    for (int64_t position = 0; position < rows.positions; ++position) {
      if (!LogProbabilities(RowAt(p_values, rows, s, position), rows, kind, log_p)) {
        return Error(
            "the original's output of sample {} is no distribution: it holds a NaN or an "
            "infinite value",
            s);
      }
      if (!LogProbabilities(RowAt(q_values, rows, s, position), rows, kind, log_q)) {
        total = std::numeric_limits<double>::infinity();
        break;
      }
      for (size_t c = 0; c < log_p.size(); ++c) {
        const double p = std::exp(log_p[c]);
        if (p > 0) total += p * (log_p[c] - log_q[c]);
      }
    }
    divergences.push_back(std::max(0.0, total / static_cast<double>(rows.positions)));
  }
  return divergences;
}

}  // namespace deftnn
