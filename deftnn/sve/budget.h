// Allocation: which choice each layer takes so that the network loses least within a budget of
// cost.
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "deftnn/base/status.h"

namespace deftnn {

/// One way to reduce a layer (or not to). Units are the caller's: multiply-adds or seconds, and any
/// error that adds up over layers.
struct Choice {
  double cost = 0;
  double error = 0;
};

struct Allocation {
  std::vector<int64_t> levels;  // the choice of each layer
  double cost = 0, error = 0;   // their sums
};

/// Layers whose costs do not depend on each other: a multiple-choice knapsack, solved by dynamic
/// programming over the Pareto front of (cost, error). Exact while a front stays within
/// `resolution` points; beyond that the best point of each of `resolution` equal slices of the
/// budget survives, and costs stay unrounded, so the budget holds in any case. Errors: an empty
/// list, a number that is not finite or a negative cost, a budget below the cheapest allocation.
Result<Allocation> AllocateIndependent(const std::vector<std::vector<Choice>>& layers,
                                       double budget, int64_t resolution = 20000);

/// Layers whose costs depend on each other (a producer's outputs that its consumer's choice makes
/// dead): errors[layer][level], and `cost` of all levels together. Minimises error + lambda cost by
/// coordinate descent for lambdas found by bisection, from several starts, and then improves the
/// best allocation within the budget by single and pairwise changes. A heuristic, deterministic.
/// The last level of each layer is taken for its cheapest. Errors: as above.
using CostOfLevels = std::function<double(const std::vector<int64_t>& levels)>;
Result<Allocation> AllocateCoupled(const std::vector<std::vector<double>>& errors,
                                   const CostOfLevels& cost, double budget);

}  // namespace deftnn
