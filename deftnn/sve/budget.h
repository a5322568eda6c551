// Allocation: which choice each layer takes so that the network loses least within a budget of
// cost.
#pragma once

#include <cstdint>
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

/// A layer whose cost depends on its own level and on that of one later layer, its reader, whose
/// choice makes some of this one's outputs dead.
struct CoupledLayer {
  std::vector<double> errors;             // by own level; none is less than the first
  int reader = -1;                        // a later layer, or -1
  std::vector<std::vector<double>> cost;  // [own level][reader's level], or [own level][1]
};

/// Minimises error + lambda cost, which dynamic programming over the forest of readers does
/// exactly, with lambda bisected to the budget; so the allocation is the best of any that costs no
/// more than it does. What it leaves of the budget is then used by changes of one and of two
/// layers: a heuristic, deterministic. Errors: as above, and sizes that do not fit.
Result<Allocation> AllocateCoupled(const std::vector<CoupledLayer>& layers, double budget);
/// Costs least, whatever its error.
Result<Allocation> CheapestCoupled(const std::vector<CoupledLayer>& layers);

}  // namespace deftnn
