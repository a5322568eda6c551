// Fine-tuning: trains the weights of a reduced network on data, with its format in the loop.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "deftnn/data/dataset.h"
#include "deftnn/ndf/apply_format.h"
#include "deftnn/runtime/session.h"
#include "deftnn/tune/augment.h"
#include "deftnn/tune/engine.h"
#include "deftnn/tune/loss.h"
#include "deftnn/tune/optimizer.h"

namespace deftnn {

struct TrainingOptions {
  double epochs = 1;
  /// Epochs of the same data that were gone through before: it goes on in their order, where they
  /// ended.
  double epochs_before = 0;
  int64_t batch = 64;  // of a step, over all processes
  double learning_rate = 1e-4;
  double warm_up = 0.05;  // share of the steps
  StepOptions step;
  LossOptions loss;
  Augmentation augmentation;
  /// Held-out checks without a new best after which it ends.
  int64_t patience = 50;
  FormatChoice format;  // that weights are rounded to before each use
  uint64_t seed = 1;
  int threads = 1;
  std::string checkpoint;          // a file; "" for none
  int64_t checkpoint_steps = 200;  // between two of them
};

/// Samples [begin, begin + count) as the network takes them.
struct TrainingBatch {
  std::vector<Tensor> inputs;
  std::vector<int64_t> labels;
};
using TrainingFeed =
    std::function<Result<TrainingBatch>(const Dataset&, int64_t begin, int64_t count)>;

/// What a run works on. Everything outlives it.
struct TrainingSetting {
  const Graph& graph;  // canonical, float32 constants
  Session* teacher;    // the original network; null where the loss asks for none
  const Dataset& training;
  const Dataset& held_out;  // decides which state is the best
  int64_t fixed_batch = 0;  // that the networks are fixed to; 0: none
  TrainingFeed feed;
  ProcessGroup* group = nullptr;  // null: this process alone
};

struct Trained {
  Graph graph;  // float32; the best state on the held-out data, which may be the untouched one
  std::vector<std::string> warnings;
  int64_t steps = 0, best_step = 0;  // taken; 0: nothing was better than the untouched network
  double loss_before = 0, loss_after = 0;  // held-out, a sample
  double seconds = 0;
  int64_t constants = 0;  // values that were trained
};

/// Errors name the node, the step or the checkpoint.
Result<Trained> Train(const TuneEngine& engine, const TrainingSetting& setting,
                      const TrainingOptions& options);

}  // namespace deftnn
