// Whether a layer's statistics rest on enough samples, and what to do when they don't.
#pragma once

#include <string>

#include "deftnn/analysis/statistics.h"

namespace deftnn {

struct Condition {
  int64_t inputs = 0;         // K
  int64_t active_inputs = 0;  // of non-zero variance
  int64_t count = 0;          // samples
  /// (tr G)^2 / tr(G^2), the participation ratio of the eigenvalues: between 1 and
  /// min(K, count - 1); 0 for an all-zero G.
  double effective_rank = 0;
  /// lambda as a share of the mean diagonal: 1e-2 with two samples or more an active input, growing
  /// as the samples fall short of that, up to 1e-1.
  double damping = 1e-2;
  /// One line for the report, empty when all is well.
  std::string warning;
};

Condition Diagnose(const LayerStatistics& statistics);

}  // namespace deftnn
