// Layers whose statistics rest on too few samples: said once, and their refit held back where
// samples that it has not seen show that it goes too far.
#pragma once

#include <string>
#include <vector>

#include "deftnn/analysis/statistics.h"
#include "deftnn/base/threads.h"
#include "deftnn/pipeline/layers.h"
#include "deftnn/pipeline/reduce.h"

namespace deftnn {

/// One line that names the layers with fewer rows than varying inputs, or with none that varies,
/// and what to try; empty where there are none. `statistics` by layer.
std::string ConditionWarning(const std::vector<Layer>& layers,
                             const std::vector<LayerStatistics>& statistics);

/// Indices of the layers whose damping is worth choosing: fewer than two rows a varying input.
std::vector<size_t> ShortOfRows(const std::vector<Layer>& layers,
                                const std::vector<LayerStatistics>& statistics);

/// The damping, as a share of the mean diagonal, that leaves less error on held-out statistics of
/// the same inputs when half of K goes: the usual one, or the larger one that Diagnose advises for
/// `problem`. The order of elimination is that of `activation`, which does not depend on it.
Result<double> ChooseDamping(const LayerProblem& problem, const LayerStatistics& held_out,
                             const std::string& compensation, ThreadPool* pool);

}  // namespace deftnn
