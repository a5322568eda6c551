// Joins the runtime's observer to analysis/: Gram statistics of layers from calibration data.
#pragma once

#include <string>
#include <vector>

#include "deftnn/analysis/statistics.h"
#include "deftnn/data/dataset.h"
#include "deftnn/pipeline/layers.h"
#include "deftnn/pipeline/replay.h"
#include "deftnn/runtime/session.h"
#include "deftnn/sve/activation_refit.h"
#include "deftnn/tune/engine.h"

namespace deftnn {

struct CalibrationOptions {
  uint64_t seed = 1;
  int64_t positions = 16;  // output positions looked at, a sample
  int64_t batch = 16;
  /// Where each process takes a share of the samples: the first one of the share that the data
  /// are, and the group that statistics are summed over. Null: the data are all samples.
  int64_t first_sample = 0;
  ProcessGroup* group = nullptr;
};

/// What the original network's layers make at the sampled positions, in the order of the samples:
/// by layer, [rows x O], with what is added to the products but without bias and activation. Taken
/// once, aimed at by every reduction.
struct LayerTargets {
  std::vector<std::vector<float>> rows;
};

/// Statistics of the original's own inputs, by layer; those of layers with a why_not are empty.
/// `targets` may be null. Runs every sample once.
Result<std::vector<LayerStatistics>> CalibrateOriginal(Session& original,
                                                       const std::vector<Layer>& layers,
                                                       const Dataset& data,
                                                       const CalibrationOptions& options,
                                                       ThreadPool& pool, LayerTargets* targets);

/// Statistics of one layer: the inputs are those that `reduced` gives it, a network with the same
/// layers, run by `replay` over the data and in the batches of CalibrateOriginal; `targets`, [rows
/// x O], are what that found with the same options for the outputs that the layer still has.
/// `kept_rows` gets this process's rows; null: they are not wanted.
Result<LayerStatistics> CalibrateReduced(Replay& replay, const Graph& reduced,
                                         const std::vector<Layer>& layers, int chosen,
                                         const CalibrationOptions& options, ThreadPool& pool,
                                         const std::vector<float>& targets, LayerRows* kept_rows);

}  // namespace deftnn
