#include "deftnn/base/file.h"
#include "deftnn/pipeline/feed.h"
#include "deftnn/pipeline/load_model.h"
#include "deftnn/pipeline/score.h"
#include "deftnn/pipeline/verbs.h"
#include "deftnn/report/json.h"

namespace deftnn {

Result<EvalRecord> Evaluate(const EvalOptions& options) {
  DEFTNN_ASSIGN_OR_RETURN(const Format format, ParseFormat(options.format));
  DEFTNN_ASSIGN_OR_RETURN(const LoadedModel model, LoadModel(options.model, format));
  DEFTNN_ASSIGN_OR_RETURN(const Dataset data,
                          OpenDataFor(model.graph, options.data, options.common));
  const auto chosen = ChooseYardstick(options.metric, options.metric_command, data.has_labels());
  if (!chosen.ok()) return chosen.status().WithFile(options.data);
  const Yardstick& yardstick = chosen.value();
  DEFTNN_ASSIGN_OR_RETURN(const std::unique_ptr<Session> session,
                          OpenSession(model, options.common.threads));
  std::optional<Outputs> reference;
  const bool compares =
      yardstick.metric != nullptr && yardstick.metric->needs == MetricNeeds::kReference;
  if (compares && options.reference.empty()) {
    return Error("metric {} compares with another network", yardstick.name())
        .WithHint("--reference MODEL");
  }
  if (compares) {
    DEFTNN_ASSIGN_OR_RETURN(const LoadedModel other, LoadModel(options.reference));
    DEFTNN_ASSIGN_OR_RETURN(const std::unique_ptr<Session> other_session,
                            OpenSession(other, options.common.threads));
    DEFTNN_ASSIGN_OR_RETURN(reference, RunOver(*other_session, data));
  }
  auto outputs = RunOver(*session, data);
  if (!outputs.ok()) return outputs.status().WithFile(options.model);
  std::vector<std::string> names;
  for (ValueId id : model.graph.outputs()) names.push_back(model.graph.value(id).name);
  const auto score =
      ScoreOutputs(*outputs, reference ? &*reference : nullptr, data, yardstick, names);
  if (!score.ok()) return score.status().WithFile(options.data);
  EvalRecord record;
  record.model = options.model;
  record.format = FormatOf(model.graph);
  record.reference = compares ? options.reference : "";
  record.metric = yardstick.name();
  record.value = score->value;
  record.n = score->n;
  if (!options.json.empty())
    DEFTNN_RETURN_IF_ERROR(WriteFileAtomically(options.json, ToJson(record)));
  return record;
}

}  // namespace deftnn
