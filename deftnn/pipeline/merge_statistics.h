// Statistics of layers taken by several processes, each from its share of the samples.
#pragma once

#include "deftnn/analysis/statistics.h"
#include "deftnn/data/dataset.h"
#include "deftnn/tune/engine.h"

namespace deftnn {

/// The samples that a process takes: whole batches of `unit`, in the order of the ranks. At least
/// one batch each, or an error.
struct Share {
  int64_t begin = 0, count = 0;
};
Result<Share> ShareOf(int64_t samples, int64_t unit, const Membership& membership);

/// Replaces a share's statistics by those of all samples: the same bits in every process.
Status MergeStatistics(ProcessGroup& group, LayerStatistics& statistics);

}  // namespace deftnn
