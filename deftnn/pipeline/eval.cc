#include <algorithm>

#include "deftnn/base/file.h"
#include "deftnn/ndf/apply_format.h"
#include "deftnn/pipeline/feed.h"
#include "deftnn/pipeline/load_model.h"
#include "deftnn/pipeline/score.h"
#include "deftnn/pipeline/verbs.h"
#include "deftnn/report/json.h"

namespace deftnn {
namespace {

constexpr int64_t kBatch = 64;

// Outputs are compared batch by batch, so that both networks take the same batches.
Result<int64_t> CommonBatch(const LoadedModel& model, const LoadedModel& other) {
  const int64_t ours = FixedBatch(model.graph), theirs = FixedBatch(other.graph);
  if (ours > 0 && theirs > 0 && ours != theirs) {
    return Error("is fixed to batches of {}, the other network to batches of {}", theirs, ours)
        .WithFile(other.path);
  }
  return std::max(ours, theirs) > 0 ? std::max(ours, theirs) : kBatch;
}

}  // namespace

Result<EvalRecord> Evaluate(const EvalOptions& options) {
  DEFTNN_ASSIGN_OR_RETURN(const Format format, ParseFormat(options.format));
  DEFTNN_ASSIGN_OR_RETURN(const LoadedModel model, LoadModel(options.model, format));
  DEFTNN_ASSIGN_OR_RETURN(const Dataset data,
                          OpenDataFor(model.graph, options.data, options.common));
  // A reference is there to be compared with, also where the data has labels.
  const bool labels = data.has_labels() && (!options.metric.empty() || options.reference.empty());
  const auto chosen = ChooseYardstick(options.metric, options.metric_command, labels);
  if (!chosen.ok()) return chosen.status().WithFile(options.data);
  const Yardstick& yardstick = chosen.value();
  DEFTNN_ASSIGN_OR_RETURN(const std::unique_ptr<Session> session,
                          OpenSession(model, options.common.threads));
  std::optional<Outputs> reference;
  const bool compares =
      yardstick.metric != nullptr && yardstick.metric->needs == MetricNeeds::kReference;
  if (compares && options.reference.empty()) {
    return Error("metric {} compares with another network", yardstick.name())
        .WithFile(options.data)
        .WithHint("--reference MODEL");
  }
  if (!compares && !options.reference.empty()) {
    return Error("metric {} compares with no other network", yardstick.name())
        .WithFile(options.reference)
        .WithHint("--metric agreement, or no --reference");
  }
  int64_t batch = kBatch;
  if (compares) {
    DEFTNN_ASSIGN_OR_RETURN(const LoadedModel other, LoadModel(options.reference));
    DEFTNN_ASSIGN_OR_RETURN(batch, CommonBatch(model, other));
    DEFTNN_ASSIGN_OR_RETURN(const std::unique_ptr<Session> other_session,
                            OpenSession(other, options.common.threads));
    auto theirs = RunOver(*other_session, data, batch);
    if (!theirs.ok()) return theirs.status().WithFile(options.reference);
    reference = std::move(theirs).value();
  }
  auto outputs = RunOver(*session, data, batch);
  if (!outputs.ok()) return outputs.status().WithFile(options.model);
  const std::vector<std::string> names = OutputNames(model.graph);
  const auto score =
      ScoreOutputs(*outputs, reference ? &*reference : nullptr, data, yardstick, names);
  if (!score.ok()) return score.status().WithFile(options.data);
  EvalRecord record;
  record.model = options.model;
  record.format = NameOf(FormatsOf(model.graph));
  record.reference = compares ? options.reference : "";
  record.metric = yardstick.name();
  record.value = score->value;
  record.n = score->n;
  if (!options.json.empty())
    DEFTNN_RETURN_IF_ERROR(WriteFileAtomically(options.json, ToJson(record)));
  return record;
}

}  // namespace deftnn
