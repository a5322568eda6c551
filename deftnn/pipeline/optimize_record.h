// The end of `optimize`: what was won and lost, measured on samples that no choice has seen, and
// whether the result is worth keeping.
#pragma once

#include "deftnn/pipeline/search.h"
#include "deftnn/report/records.h"

namespace deftnn {

struct ConcludeSetting {
  const Graph& dense;  // canonical, fp32
  const std::vector<Layer>& layers;
  const Candidate& candidate;
  const std::vector<std::string>& reasons;  // by layer: why it was not to be cut, or empty
  const Dataset& report;                    // unseen samples
  const Yardstick& yardstick;
  double allowed_points = 0;           // that may be lost; infinity where another goal was given
  std::vector<std::string> groupings;  // of the fine stage: what KeptFraction::grouping counts
  int64_t batch = 1;
  CostTable& costs;
  ThreadPool& pool;
};

/// Measures dense fp32, each technique alone and both in turns, scores them, fills in `record`, and
/// returns the graph to write: the reduced one in its format; or, where that is not faster or loses
/// more than is allowed by more than two standard errors, the dense one in that format or in fp32,
/// by the same rules. Which of two is faster is kept in `costs`, and what is found there decides.
Result<Graph> FillRecord(const ConcludeSetting& setting, OptimizeRecord& record);

}  // namespace deftnn
