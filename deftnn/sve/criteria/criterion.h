// Criteria: in which order groups of synapse vectors are eliminated.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "deftnn/analysis/statistics.h"
#include "deftnn/sve/groupings/grouping.h"

namespace deftnn {

/// A layer as a criterion sees it. `statistics` have targets; all arrays are over the full K.
struct RankingProblem {
  const LayerStatistics& statistics;
  const Matrix& weights;      // [O x K], after the free removals
  const EntryGroups& groups;  // the candidates; entries in none of them are gone already
  double lambda = 0;          // damping: H = G + lambda I
  double step = 0.02;         // share of the remaining groups that obs eliminates between rankings
  ThreadPool* pool = nullptr;
  /// By group: what one entry of it saves, relative to the others'. Empty: all the same. Read by
  /// obs alone.
  std::vector<double> savings = {};
  int64_t fewest = 0;  // entries; the order of groups that go only below it does not matter
};

/// Every candidate, first to go first. One order serves every kept fraction.
struct EliminationOrder {
  std::vector<int64_t> groups;  // indices into RankingProblem::groups
  /// The criterion's own measure: for obs the total increase of the damped squared error
  /// once groups[0..i] are gone, for the others the score of groups[i] when it was chosen.
  std::vector<double> cost;
};

struct Criterion {
  std::string_view name;
  std::string_view summary;
  Result<EliminationOrder> (*rank)(const RankingProblem& problem);
};

/// In the order of criteria.inc; the first is the default.
std::span<const Criterion> Criteria();
Result<const Criterion*> FindCriterion(std::string_view name);

/// The order of rising scores, one a group; equal scores keep the groups' order.
EliminationOrder RisingOrder(const std::vector<double>& scores);

}  // namespace deftnn
