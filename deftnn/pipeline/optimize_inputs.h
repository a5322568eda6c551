// What `optimize` is given, opened and checked: what can be refused is refused before the work
// begins.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "deftnn/pipeline/base_network.h"
#include "deftnn/pipeline/calibrate.h"
#include "deftnn/pipeline/costs.h"
#include "deftnn/pipeline/fine_tune.h"
#include "deftnn/pipeline/load_model.h"
#include "deftnn/pipeline/options.h"
#include "deftnn/pipeline/score.h"
#include "deftnn/pipeline/splits.h"

namespace deftnn {

struct OptimizeInputs {
  LoadedModel model;  // float32
  BaseNetwork original;
  Splits splits;                        // of the statistics this process's share
  CalibrationOptions sampling;          // of that share
  int64_t statistics_count = 0;         // samples that statistics are of, over all processes
  std::unique_ptr<ProcessGroup> group;  // null: alone
  std::unique_ptr<CostTable> costs;     // as the file has it, where there is one
  Yardstick yardstick;
  Outputs selection_reference;  // the original's on the selection samples
  Score selection_score;        // and what they score
  std::optional<FineTuner> tuner;
  std::vector<std::string> warnings;
};

/// Errors name the file that cannot be used, and what does not fit.
Result<OptimizeInputs> OpenInputs(const OptimizeOptions& options, int threads);

/// The data that the reported drop is of.
const std::string& ReportFile(const OptimizeOptions& options);

}  // namespace deftnn
