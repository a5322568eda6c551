// Trains reduced networks, for `tune` and `optimize`: joins tune/ to data and options.
#pragma once

#include <memory>
#include <string>

#include "deftnn/ndf/apply_format.h"
#include "deftnn/pipeline/options.h"
#include "deftnn/pipeline/processes.h"
#include "deftnn/report/records.h"
#include "deftnn/tune/training.h"

namespace deftnn {

struct FineTuned {
  Graph graph;  // float32
  FineTuneRecord record;
  std::vector<std::string> warnings;
};

/// Networks with the same inputs and outputs are trained on the same data in the same way.
class FineTuner {
 public:
  struct Setting {
    FineTuneOptions options;
    uint64_t seed = 1;
    int threads = 1;
    bool classes = true;            // the first output's best class is what counts
    Session* teacher = nullptr;     // outlives the tuner; null: labels alone
    std::string checkpoint;         // a file; "" for none
    ProcessGroup* group = nullptr;  // outlives the tuner; null: alone
  };

  /// Opens the engine and checks the data against `graph`: a label that
  /// is no class of its, nothing to learn from. Errors name the data.
  static Result<FineTuner> Create(const Graph& graph, const Dataset& data, Setting setting);

  /// `epochs`: of the data, also less than one; `epochs_before`: that it was gone through in
  /// earlier rounds. `stage` tells the checkpoints of one run's trainings apart; "" for none.
  Result<FineTuned> Tune(const Graph& graph, const FormatChoice& format, double epochs,
                         const std::string& stage, double epochs_before = 0) const;

  double epochs() const { return setting_.options.epochs; }
  /// The samples that decide which state is kept.
  const Dataset& held_out() const { return held_out_; }
  /// Takes away what a finished run does not need.
  void RemoveCheckpoints() const;

 private:
  FineTuner() = default;
  TrainingOptions OptionsFor(const FormatChoice& format, double epochs) const;

  Setting setting_;
  const TuneEngine* engine_ = nullptr;
  Dataset training_, held_out_;
  LossOptions loss_;
  StepOptions step_;
};

/// The file that a run's checkpoint goes to: the option's, or the output's name and ".checkpoint".
std::string CheckpointOf(const FineTuneOptions& options, const std::string& output);

}  // namespace deftnn
