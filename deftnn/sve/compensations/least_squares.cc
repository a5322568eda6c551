#include "deftnn/sve/compensations/compensation.h"

namespace deftnn {
namespace {

// The minimum over W' of E|y - ybar - W'(x_S - mu_S)|^2 + lambda |W' - W_S|^2:
//   W' = W_S + (C_S - W_S G_SS)(G_SS + lambda I)^-1,   b' = ybar - W' mu_S (+ the original bias)
Result<CompensatedWeights> Compute(const CompensationProblem& problem) {
  const LayerStatistics& s = problem.statistics;
  CompensatedWeights out;
  out.weights = Submatrix(problem.weights, nullptr, &problem.kept);
  const int64_t outputs = out.weights.rows, k = out.weights.cols;
  if (k > 0) {
    Matrix gram = Submatrix(s.gram, &problem.kept, &problem.kept);
    Matrix residual = Submatrix(s.cross, nullptr, &problem.kept);
    Multiply(problem.pool, outputs, k, k, -1.0, Block(out.weights), Block(gram), 1.0,
             residual.data.data(), k);
    DEFTNN_ASSIGN_OR_RETURN(const Cholesky factor,
                            Cholesky::FactorDamped(std::move(gram), problem.lambda));
    factor.SolveRows(problem.pool, outputs, residual.data.data());
    for (size_t i = 0; i < residual.data.size(); ++i) out.weights.data[i] += residual.data[i];
  }
  for (int64_t o = 0; o < outputs; ++o) {
    double bias = problem.old_bias[o] + s.target_mean[o];
    for (int64_t j = 0; j < k; ++j) bias -= out.weights.at(o, j) * s.mean[problem.kept[j]];
    out.bias.push_back(bias);
  }
  return out;
}

}  // namespace

extern const Compensation kLeastSquares;
const Compensation kLeastSquares = {
    "least-squares", "kept weights and bias refitted to the original outputs", Compute};

}  // namespace deftnn
