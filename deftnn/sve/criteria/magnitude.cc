#include <cmath>

#include "deftnn/sve/criteria/criterion.h"

namespace deftnn {
namespace {

// score_g = sqrt(sum over k in g of |w_k|^2 / |g|), w_k the column of W for entry k.
Result<EliminationOrder> Rank(const RankingProblem& problem) {
  const Matrix& w = problem.weights;
  std::vector<double> square(w.cols);
  for (int64_t o = 0; o < w.rows; ++o)
    for (int64_t k = 0; k < w.cols; ++k) square[k] += w.at(o, k) * w.at(o, k);
  std::vector<double> scores;
  for (const std::vector<int64_t>& group : problem.groups) {
    double sum = 0;
    for (const int64_t k : group) sum += square[k];
    scores.push_back(std::sqrt(sum / static_cast<double>(group.size())));
  }
  return RisingOrder(scores);
}

}  // namespace

extern const Criterion kMagnitude;
const Criterion kMagnitude = {"magnitude", "smallest weights first", Rank};

}  // namespace deftnn
