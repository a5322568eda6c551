#include "deftnn/sve/compensations/compensation.h"

namespace deftnn {
namespace {

Result<CompensatedWeights> Compute(const CompensationProblem& problem) {
  return CompensatedWeights{Submatrix(problem.weights, nullptr, &problem.kept), problem.bias};
}

}  // namespace

extern const Compensation kNone;
const Compensation kNone = {"none", "the kept weights as they were", Compute};

}  // namespace deftnn
