#include "deftnn/sve/compensations/compensation.h"

namespace deftnn {
namespace {

// The paper's: W' = (K / K_kept) W_S, so that the sum keeps its size on average. What was removed
// for free is not counted in K, for it took nothing from the sum.
Result<CompensatedWeights> Compute(const CompensationProblem& problem) {
  CompensatedWeights out{Submatrix(problem.weights, nullptr, &problem.kept), problem.bias};
  if (problem.kept.empty()) return out;
  const double scale =
      static_cast<double>(problem.entries) / static_cast<double>(problem.kept.size());
  for (double& w : out.weights.data) w *= scale;
  return out;
}

}  // namespace

extern const Compensation kScale;
const Compensation kScale = {"scale", "the paper's: kept weights times K / K_kept", Compute};

}  // namespace deftnn
