#include <cmath>

#include "deftnn/sve/criteria/criterion.h"

namespace deftnn {
namespace {

// score_g = sqrt(sum over k in g of |w_k|^2 E[x_k^2] / |g|): weight times the norm of its
// input (Sun et al. 2023, "A Simple and Effective Pruning Approach for Large Language Models"), for
// whole columns of W. E[x^2] is about zero, not about the mean, as there.
Result<EliminationOrder> Rank(const RankingProblem& problem) {
  const Matrix& w = problem.weights;
  const LayerStatistics& s = problem.statistics;
  std::vector<double> square(w.cols);
  for (int64_t o = 0; o < w.rows; ++o)
    for (int64_t k = 0; k < w.cols; ++k) square[k] += w.at(o, k) * w.at(o, k);
  std::vector<double> scores;
  for (const std::vector<int64_t>& group : problem.groups) {
    double sum = 0;
    for (const int64_t k : group) sum += square[k] * (s.gram.at(k, k) + s.mean[k] * s.mean[k]);
    scores.push_back(std::sqrt(sum / static_cast<double>(group.size())));
  }
  return RisingOrder(scores);
}

}  // namespace

extern const Criterion kActivation;
const Criterion kActivation = {"activation", "smallest |weight| x activation norm first", Rank};

}  // namespace deftnn
