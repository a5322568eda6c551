// Scores of networks on data, sample by sample, so that two can be compared in pairs.
#pragma once

#include <string>
#include <vector>

#include "deftnn/data/dataset.h"
#include "deftnn/data/metric.h"
#include "deftnn/runtime/session.h"

namespace deftnn {

/// What a network gave for a dataset, batch by batch.
struct Outputs {
  struct Part {
    int64_t begin = 0, count = 0;
    std::vector<Tensor> tensors;
  };
  std::vector<Part> parts;
};

/// Runs every sample; the batch is `batch`, or what the network is fixed to.
Result<Outputs> RunOver(Session& session, const Dataset& data, int64_t batch = 64);

struct Score {
  double value = 0;  // percent; of a metric command, whatever it printed
  int64_t n = 0;
  std::vector<double> per_sample;  // percent; empty for a metric command
};

/// What to score by: a metric of data/, or a command.
struct Yardstick {
  const Metric* metric = nullptr;
  std::string command;

  std::string name() const { return command.empty() ? std::string(metric->name) : command; }
  bool higher_is_better() const { return !command.empty() || metric->higher_is_better; }
  bool needs_labels() const { return command.empty() && metric->needs == MetricNeeds::kLabels; }
};

/// The metric that was named, or top1 where the data has labels and agreement where it has none.
Result<Yardstick> ChooseYardstick(const std::string& metric, const std::string& command,
                                  bool labels);

/// The labels of `data`, if it has any, are classes of the network that gave `outputs`. The error
/// counts samples as the opened data does.
Status CheckLabels(const Outputs& outputs, const Dataset& data);

/// What metric commands know the outputs of a network by.
std::vector<std::string> OutputNames(const Graph& graph);

/// `reference` are the original network's outputs on the same data; null where the yardstick needs
/// none.
Result<Score> ScoreOutputs(const Outputs& outputs, const Outputs* reference, const Dataset& data,
                           const Yardstick& yardstick,
                           const std::vector<std::string>& output_names);

/// What a network of score `after` lost against one of `before` on the same data: sample by sample,
/// or where a command gave the scores their difference, with no standard error.
Drop DropBetween(const Score& before, const Score& after, const Yardstick& yardstick);

/// What `outputs` lost against `reference` on the same data: for top1 and agreement with one row a
/// sample as SmoothedDrop has it, else as DropBetween has it.
/// `reference_score` is that of the reference. For a metric, the outputs may be of the reference's
/// first batches only.
Result<Drop> DropOf(const Outputs& outputs, const Outputs& reference, const Score& reference_score,
                    const Dataset& data, const Yardstick& yardstick,
                    const std::vector<std::string>& output_names);

/// Is the best class of the first output what the yardstick goes by? Of a command that is not
/// known: yes where there is one output.
bool ReadsClasses(const Yardstick& yardstick, const Outputs& outputs);
/// The mean KL divergence in nats of the candidate's first output from the original's.
Result<double> MeanKl(const Outputs& original, const Outputs& candidate);
/// What the candidate's outputs lost, of second order in what was changed: MeanKl where the
/// yardstick reads classes, else the mean square of the relative distance over all outputs.
Result<double> LossOf(const Outputs& original, const Outputs& candidate,
                      const Yardstick& yardstick);
/// Ways to weigh what outputs lose when a part of a network changes, for LossOf. Where the
/// yardstick reads classes there are two: the KL divergence, which is what counts as long as it is
/// small, and the mean square of the relative distance, which also sees what a confident sample
/// will lose once several parts' errors add up. Else there is the distance alone.
Result<std::vector<Yardstick>> YardsticksOfLoss(const Yardstick& yardstick,
                                                const Outputs& reference);

}  // namespace deftnn
