// Joins the runtime's observer to analysis/: Gram statistics of layers from calibration data.
#pragma once

#include <string>
#include <vector>

#include "deftnn/analysis/statistics.h"
#include "deftnn/data/dataset.h"
#include "deftnn/pipeline/layers.h"
#include "deftnn/runtime/session.h"

namespace deftnn {

struct CalibrationOptions {
  uint64_t seed = 1;
  int64_t positions = 16;  // output positions looked at, a sample
  int64_t batch = 16;
};

/// Statistics of layers[chosen[i]], in that order. The inputs are those of `reduced`, the targets
/// what `original` makes of its own inputs at the same positions; with a null `reduced`, the
/// original's own inputs and no targets. Runs every sample once through each network, no further
/// than the last layer.
Result<std::vector<LayerStatistics>> Calibrate(Session& original, Session* reduced,
                                               const std::vector<Layer>& layers,
                                               const std::vector<int>& chosen, const Dataset& data,
                                               const CalibrationOptions& options, ThreadPool& pool);

}  // namespace deftnn
