#include "deftnn/pipeline/score.h"

#include <algorithm>
#include <numeric>

#include "deftnn/data/class_rows.h"
#include "deftnn/data/margin.h"
#include "deftnn/data/metric_command.h"
#include "deftnn/pipeline/feed.h"
#include "deftnn/report/progress.h"

namespace deftnn {
namespace {

constexpr size_t kFirstOutput = 0;  // index of the output that distributions are read from

// Outputs of all batches joined sample by sample, for a metric command.
Result<NamedTensors> Joined(const Outputs& outputs, const std::vector<std::string>& names) {
  NamedTensors joined;
  for (size_t i = 0; i < names.size(); ++i) {
    std::vector<Tensor> parts;
    for (const Outputs::Part& part : outputs.parts) parts.push_back(part.tensors[i]);
    DEFTNN_ASSIGN_OR_RETURN(Tensor whole, ConcatenateSamples(parts));
    joined.emplace_back(names[i], std::move(whole));
  }
  return joined;
}

// Is it counted by the best class of one row a sample?
bool HasMargins(const Outputs& outputs, const Yardstick& yardstick) {
  if (!yardstick.command.empty() || outputs.parts.empty()) return false;
  const std::string_view name = yardstick.metric->name;
  const auto rows = ClassRowsOf(outputs.parts.front().tensors.at(kFirstOutput).shape());
  return (name == "top1" || name == "agreement") && rows.ok() && rows->positions == 1;
}

}  // namespace

Result<Outputs> RunOver(Session& session, const Dataset& data, int64_t batch) {
  const int64_t fixed = FixedBatch(session.graph());
  const int64_t step = fixed > 0 ? fixed : batch;
  if (fixed > 1 && data.size() % fixed != 0) {
    return Error("{} samples do not fill batches of {}, which the network is fixed to", data.size(),
                 fixed)
        .WithHint("data whose size is a multiple of the batch");
  }
  Outputs outputs;
  Progress progress("inference", data.size());
  for (int64_t begin = 0; begin < data.size(); begin += step) {
    const int64_t count = std::min(step, data.size() - begin);
    DEFTNN_ASSIGN_OR_RETURN(Feed feed, MakeFeed(session.graph(), data, begin, count));
    DEFTNN_ASSIGN_OR_RETURN(std::vector<Tensor> tensors, session.Run(feed.inputs));
    outputs.parts.push_back({begin, count, std::move(tensors)});
    progress.Advance(count);
  }
  return outputs;
}

Result<Yardstick> ChooseYardstick(const std::string& metric, const std::string& command,
                                  bool labels) {
  Yardstick yardstick;
  if (!command.empty()) {
    if (!metric.empty())
      return Error("a metric and a metric command were both given").WithHint("one of them");
    yardstick.command = command;
    return yardstick;
  }
  const std::string name = !metric.empty() ? metric : labels ? "top1" : "agreement";
  DEFTNN_ASSIGN_OR_RETURN(yardstick.metric, FindMetric(name));
  if (yardstick.needs_labels() && !labels) {
    return Error("metric {} needs labels, and the data has none", name)
        .WithHint("--labels, or --metric agreement");
  }
  return yardstick;
}

Status CheckLabels(const Outputs& outputs, const Dataset& data) {
  DEFTNN_ASSIGN_OR_RETURN(const ClassRows rows,
                          ClassRowsOf(outputs.parts.at(0).tensors.at(kFirstOutput).shape()));
  const std::vector<int64_t> labels = data.labels();
  for (size_t i = 0; i < labels.size(); ++i) {
    DEFTNN_RETURN_IF_ERROR(CheckLabel(data.indices()[i], labels[i], rows));
  }
  return {};
}

Result<Score> ScoreOutputs(const Outputs& outputs, const Outputs* reference, const Dataset& data,
                           const Yardstick& yardstick,
                           const std::vector<std::string>& output_names) {
  Score score;
  score.n = data.size();
  if (!yardstick.command.empty()) {
    DEFTNN_ASSIGN_OR_RETURN(const NamedTensors joined, Joined(outputs, output_names));
    DEFTNN_ASSIGN_OR_RETURN(score.value, RunMetricCommand(yardstick.command, joined));
    return score;
  }
  MetricAccumulator accumulator(*yardstick.metric);
  const std::vector<int64_t> labels = data.labels();
  for (size_t i = 0; i < outputs.parts.size(); ++i) {
    const Outputs::Part& part = outputs.parts[i];
    MetricBatch batch{.outputs = part.tensors, .first_sample = part.begin};
    if (reference != nullptr) batch.reference = reference->parts[i].tensors;
    if (!labels.empty()) batch.labels = std::span(labels).subspan(part.begin, part.count);
    DEFTNN_RETURN_IF_ERROR(accumulator.Add(batch));
  }
  score.value = accumulator.value();
  score.per_sample = accumulator.per_sample();
  return score;
}

Drop DropBetween(const Score& before, const Score& after, const Yardstick& yardstick) {
  const bool higher_is_better = yardstick.higher_is_better();
  if (after.per_sample.empty()) {
    const double gone = before.value - after.value;
    return {higher_is_better ? gone : -gone, 0};
  }
  return PairedDrop(std::span(before.per_sample).first(after.per_sample.size()), after.per_sample,
                    higher_is_better);
}

Result<Drop> DropOf(const Outputs& outputs, const Outputs& reference, const Score& reference_score,
                    const Dataset& data, const Yardstick& yardstick,
                    const std::vector<std::string>& output_names) {
  if (HasMargins(reference, yardstick)) {
    const std::vector<int64_t> all =
        yardstick.needs_labels() ? data.labels() : std::vector<int64_t>();
    std::vector<double> before, after;
    for (size_t i = 0; i < outputs.parts.size(); ++i) {
      const Tensor &was = reference.parts[i].tensors[kFirstOutput],
                   &is = outputs.parts[i].tensors[kFirstOutput];
      std::vector<int64_t> labels;
      if (all.empty()) {
        DEFTNN_ASSIGN_OR_RETURN(labels, BestClasses(was));
      } else {
        const auto first = all.begin() + outputs.parts[i].begin;
        labels.assign(first, first + outputs.parts[i].count);
      }
      DEFTNN_ASSIGN_OR_RETURN(const std::vector<double> was_margins, Margins(was, labels));
      DEFTNN_ASSIGN_OR_RETURN(const std::vector<double> is_margins, Margins(is, labels));
      before.insert(before.end(), was_margins.begin(), was_margins.end());
      after.insert(after.end(), is_margins.begin(), is_margins.end());
    }
    return SmoothedDrop(before, after);
  }
  DEFTNN_ASSIGN_OR_RETURN(const Score score,
                          ScoreOutputs(outputs, &reference, data, yardstick, output_names));
  return DropBetween(reference_score, score, yardstick);
}

bool ReadsClasses(const Yardstick& yardstick, const Outputs& outputs) {
  if (!yardstick.command.empty()) {
    return outputs.parts.empty() || outputs.parts.front().tensors.size() == 1;
  }
  const std::string_view name = yardstick.metric->name;
  return name == "top1" || name == "top5" || name == "agreement";
}

Result<double> MeanKl(const Outputs& original, const Outputs& candidate) {
  double sum = 0;
  int64_t count = 0;
  DEFTNN_ASSIGN_OR_RETURN(const OutputKind kind,
                          KindOf(original.parts.at(0).tensors.at(kFirstOutput)));
  for (size_t i = 0; i < original.parts.size(); ++i) {
    DEFTNN_ASSIGN_OR_RETURN(const std::vector<double> parts,
                            KlDivergence(original.parts[i].tensors[kFirstOutput],
                                         candidate.parts[i].tensors[kFirstOutput], kind));
    sum += std::accumulate(parts.begin(), parts.end(), 0.0);
    count += static_cast<int64_t>(parts.size());
  }
  return count == 0 ? 0.0 : sum / static_cast<double>(count);
}

Result<double> LossOf(const Outputs& original, const Outputs& candidate,
                      const Yardstick& yardstick) {
  if (ReadsClasses(yardstick, original)) return MeanKl(original, candidate);
  DEFTNN_ASSIGN_OR_RETURN(const Metric* distance, FindMetric("relative-l2"));
  MetricAccumulator percent(*distance);
  for (size_t i = 0; i < original.parts.size(); ++i) {
    DEFTNN_RETURN_IF_ERROR(percent.Add(
        {.outputs = candidate.parts[i].tensors, .reference = original.parts[i].tensors}));
  }
  double sum = 0;
  for (double value : percent.per_sample()) sum += value / 100 * (value / 100);
  return percent.n() == 0 ? 0.0 : sum / static_cast<double>(percent.n());
}

Result<std::vector<Yardstick>> YardsticksOfLoss(const Yardstick& yardstick,
                                                const Outputs& reference) {
  if (!ReadsClasses(yardstick, reference)) return std::vector<Yardstick>{yardstick};
  Yardstick distance;
  DEFTNN_ASSIGN_OR_RETURN(distance.metric, FindMetric("relative-l2"));
  return std::vector<Yardstick>{yardstick, distance};
}

std::vector<std::string> OutputNames(const Graph& graph) {
  std::vector<std::string> names;
  for (ValueId id : graph.outputs()) names.push_back(graph.value(id).name);
  return names;
}

}  // namespace deftnn
