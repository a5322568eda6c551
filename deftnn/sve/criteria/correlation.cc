#include <algorithm>
#include <cmath>
#include <limits>

#include "deftnn/sve/criteria/criterion.h"

namespace deftnn {
namespace {

// M_gh = E<z_g, z_h> = sum over k in g, l in h of <w_k, w_l> G_kl, where z_g = sum over k in g of
// w_k (x_k - mu_k) is what group g contributes to the outputs.
Matrix ContributionMoments(const RankingProblem& problem) {
  const auto groups = static_cast<int64_t>(problem.groups.size());
  std::vector<int64_t> entry, group_of;
  for (int64_t g = 0; g < groups; ++g) {
    for (const int64_t k : problem.groups[g]) {
      entry.push_back(k);
      group_of.push_back(g);
    }
  }
  const auto n = static_cast<int64_t>(entry.size());
  const Matrix w = Submatrix(problem.weights, nullptr, &entry);
  Matrix moments(groups, groups);
  constexpr int64_t kRows = 256;  // of W^T W at a time, so that it is never held whole
  std::vector<double> strip(kRows * n);
  for (int64_t i = 0; i < n; i += kRows) {
    const int64_t rows = std::min(kRows, n - i);
    Multiply(problem.pool, rows, n, w.rows, 1.0, {w.data.data() + i, n, Transposed::kYes}, Block(w),
             0.0, strip.data(), n);
    for (int64_t r = 0; r < rows; ++r) {
      const double* gram = problem.statistics.gram.row(entry[i + r]);
      double* out = moments.row(group_of[i + r]);
      for (int64_t j = 0; j < n; ++j) out[group_of[j]] += strip[r * n + j] * gram[entry[j]];
    }
  }
  return moments;
}

// The paper's rule (Hill et al., DeftNN, MICRO 2017), greedy: of the groups still there, the one
// goes whose contribution z_g correlates most with what the rest contributes, s = sum of z_h, h !=
// g:
//   corr_g = E<z_g, s> / sqrt(E|z_g|^2 E|s|^2)
// With r_g = sum of M_gh over the remaining h and T = sum of r_g: E<z_g, s> = r_g - M_gg and
// E|s|^2 = T - 2 r_g + M_gg, so a step costs O(groups). A group that contributes nothing (M_gg = 0)
// goes before all others; of equal correlations (the last two groups always tie) the smaller
// contribution goes.
Result<EliminationOrder> Rank(const RankingProblem& problem) {
  const Matrix moments = ContributionMoments(problem);
  const int64_t groups = moments.rows;
  std::vector<double> r(groups);
  double total = 0;
  for (int64_t g = 0; g < groups; ++g) {
    for (int64_t h = 0; h < groups; ++h) r[g] += moments.at(g, h);
    total += r[g];
  }
  std::vector<char> gone(groups);
  EliminationOrder order;
  for (int64_t step = 0; step < groups; ++step) {
    int64_t best = 0;
    double best_score = 0;
    bool found = false;
    for (int64_t g = 0; g < groups; ++g) {
      if (gone[g]) continue;
      const double own = moments.at(g, g), rest = total - 2 * r[g] + own;
      double score = 0;
      if (own <= 0)
        score = std::numeric_limits<double>::max();
      else if (rest > 0)
        score = (r[g] - own) / std::sqrt(own * rest);
      const double tie = 1e-12 * std::max(1.0, std::abs(best_score));
      if (!found || score > best_score + tie ||
          (score >= best_score - tie && own < moments.at(best, best))) {
        best = g;
        best_score = score;
        found = true;
      }
    }
    gone[best] = 1;
    order.groups.push_back(best);
    order.cost.push_back(best_score);
    total -= 2 * r[best] - moments.at(best, best);
    for (int64_t g = 0; g < groups; ++g) r[g] -= moments.at(g, best);
  }
  return order;
}

}  // namespace

extern const Criterion kCorrelation;
const Criterion kCorrelation = {
    "correlation", "the paper's: first the contribution that correlates most with what is kept",
    Rank};

}  // namespace deftnn
