// Compensations: what the kept weights become once the others are gone.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "deftnn/analysis/statistics.h"
#include "deftnn/base/status.h"

namespace deftnn {

/// `statistics` have targets; arrays are over the full K, before the elimination.
struct CompensationProblem {
  const LayerStatistics& statistics;
  const Matrix& weights;                // [O x K] after the free removals
  const std::vector<double>& bias;      // [O] after the free removals
  const std::vector<double>& old_bias;  // [O] of the original layer: its outputs are y + old_bias
  const std::vector<int64_t>& kept;     // entries, rising
  int64_t entries = 0;                  // K without what was removed for free
  double lambda = 0;                    // damping: H = G + lambda I
  ThreadPool* pool = nullptr;
};

struct CompensatedWeights {
  Matrix weights;            // [O x kept]
  std::vector<double> bias;  // [O]
};

struct Compensation {
  std::string_view name;
  std::string_view summary;
  Result<CompensatedWeights> (*compute)(const CompensationProblem& problem);
};

/// In the order of compensations.inc; the first is the default.
std::span<const Compensation> Compensations();
Result<const Compensation*> FindCompensation(std::string_view name);

}  // namespace deftnn
