#include <nlohmann/json.hpp>

#include "deftnn/base/clock.h"
#include "deftnn/base/file.h"
#include "deftnn/base/log.h"
#include "deftnn/ndf/apply_format.h"
#include "deftnn/pipeline/check_writable.h"
#include "deftnn/pipeline/feed.h"
#include "deftnn/pipeline/fine_tune.h"
#include "deftnn/pipeline/load_model.h"
#include "deftnn/pipeline/score.h"
#include "deftnn/pipeline/verbs.h"
#include "deftnn/pipeline/write_package.h"
#include "deftnn/report/json.h"

namespace deftnn {
namespace {

// What the .deft was made with, and that it was tuned: no times, no paths.
std::string MetadataOf(const LoadedModel& model, const TuneOptions& options,
                       const FineTuneRecord& tuned, const FormatChoice& format, Isa isa) {
  auto json = nlohmann::ordered_json::parse(model.metadata_json, nullptr, false);
  if (!json.is_object()) json = nlohmann::ordered_json::object();
  json["created_by"] = "deftnn " DEFTNN_VERSION;
  json["format"] = NameOf(format);
  json["tuned"] =
      fmt::format("{} steps by {}, seed {}", tuned.steps, tuned.loss, options.common.seed);
  json["packed_for"] = NameOf(isa);
  return json.dump();
}

// One run of the verb.
class Tuning {
 public:
  explicit Tuning(const TuneOptions& options)
      : options_(options),
        threads_(options.common.threads > 0 ? options.common.threads : PhysicalThreads()) {}

  Result<TuneRecord> Run() {
    const double begin = WallSeconds();
    DEFTNN_RETURN_IF_ERROR(Open());
    DEFTNN_ASSIGN_OR_RETURN(group_, JoinProcesses());
    DEFTNN_RETURN_IF_ERROR(OpenTeacher());
    DEFTNN_ASSIGN_OR_RETURN(const FineTuner tuner, MakeTuner());
    DEFTNN_ASSIGN_OR_RETURN(const FineTuned tuned,
                            tuner.Tune(graph_, format_, tuner.epochs(), "tune"));
    for (const std::string& warning : tuned.warnings) spdlog::warn("{}", warning);
    record_.fine_tune = tuned.record;
    record_.warnings = tuned.warnings;
    DEFTNN_RETURN_IF_ERROR(Judge(tuned.graph, tuner.held_out()));
    record_.elapsed_s = WallSeconds() - begin;
    DEFTNN_RETURN_IF_ERROR(Write(tuned.graph));
    tuner.RemoveCheckpoints();
    return record_;
  }

 private:
  Status Open() {
    for (const std::string& path :
         {options_.output, options_.json, CheckpointOf(options_.fine_tune, options_.output)}) {
      DEFTNN_RETURN_IF_ERROR(CheckWritable(path));
    }
    DEFTNN_ASSIGN_OR_RETURN(model_, LoadModel(options_.model));
    format_ = FormatsOf(model_.graph);
    if (options_.format != "auto") {
      DEFTNN_ASSIGN_OR_RETURN(format_, ParseFormat(options_.format));
    }
    DEFTNN_ASSIGN_OR_RETURN(graph_, ApplyFormat(model_.graph, Format::kFp32));
    DEFTNN_ASSIGN_OR_RETURN(data_, OpenDataFor(graph_, options_.fine_tune.data, options_.common));
    if (!options_.evaluation.empty()) {
      CommonOptions common = options_.common;
      common.labels.clear();
      DEFTNN_ASSIGN_OR_RETURN(evaluation_, OpenDataFor(graph_, options_.evaluation, common));
    }
    const Dataset& judged = evaluation_ ? *evaluation_ : data_;
    auto yardstick = ChooseYardstick(options_.metric, "", judged.has_labels());
    if (!yardstick.ok()) return yardstick.status().WithFile(options_.fine_tune.data);
    yardstick_ = std::move(yardstick).value();
    return {};
  }

  Status OpenTeacher() {
    const FineTuneOptions& options = options_.fine_tune;
    if (options.teacher.empty() && !options.distill) return {};
    Graph graph = graph_;  // its own teacher: what rounding takes away is won back
    if (!options.teacher.empty()) {
      DEFTNN_ASSIGN_OR_RETURN(const LoadedModel model, LoadModel(options.teacher));
      DEFTNN_ASSIGN_OR_RETURN(graph, ApplyFormat(model.graph, Format::kFp32));
    }
    auto session = Session::Create(std::move(graph),
                                   {.threads = threads_, .isa = std::nullopt, .packed = nullptr});
    if (!session.ok()) return session.status().WithFile(options.teacher);
    teacher_ = std::move(session).value();
    return CheckTeacher().WithFile(options.teacher);
  }

  // It has the network's outputs.
  Status CheckTeacher() const {
    const auto shapes = [](const Graph& graph) -> Result<std::vector<Shape>> {
      DEFTNN_ASSIGN_OR_RETURN(const auto infos, InferShapes(graph, DefaultInputs(graph)));
      std::vector<Shape> made;
      for (const ValueId id : graph.outputs()) made.push_back(infos[id].shape);
      return made;
    };
    DEFTNN_ASSIGN_OR_RETURN(const std::vector<Shape> ours, shapes(graph_));
    DEFTNN_ASSIGN_OR_RETURN(const std::vector<Shape> theirs, shapes(teacher_->graph()));
    if (ours == theirs && graph_.inputs().size() == teacher_->graph().inputs().size()) return {};
    return Error("its outputs are {}, those of the network to tune {}",
                 theirs.empty() ? "missing" : ToString(theirs.front()), ToString(ours.front()));
  }

  Result<FineTuner> MakeTuner() {
    FineTuner::Setting setting;
    setting.options = options_.fine_tune;
    setting.seed = options_.common.seed;
    setting.threads = threads_;
    setting.classes = yardstick_.needs_labels() || yardstick_.metric->name == "agreement";
    setting.teacher = teacher_.get();
    setting.checkpoint = CheckpointOf(options_.fine_tune, options_.output);
    setting.group = group_.get();
    return FineTuner::Create(graph_, data_, std::move(setting));
  }

  // Before and after, both in the format of the result.
  Status Judge(const Graph& tuned, const Dataset& held_out) {
    const Dataset& data = evaluation_ ? *evaluation_ : held_out;
    const std::vector<std::string> names = OutputNames(graph_);
    std::vector<Outputs> outputs;
    for (const Graph* graph : {static_cast<const Graph*>(&graph_), &tuned}) {
      DEFTNN_ASSIGN_OR_RETURN(
          const std::unique_ptr<Session> session,
          Session::Create(*graph, format_,
                          {.threads = threads_, .isa = std::nullopt, .packed = nullptr}));
      DEFTNN_ASSIGN_OR_RETURN(Outputs made, RunOver(*session, data));
      outputs.push_back(std::move(made));
    }
    std::optional<Outputs> reference;
    if (!yardstick_.needs_labels()) {
      reference = outputs[0];
      if (teacher_ != nullptr) {
        DEFTNN_ASSIGN_OR_RETURN(reference, RunOver(*teacher_, data));
      }
    }
    std::vector<Score> scores;
    for (const Outputs& made : outputs) {
      DEFTNN_ASSIGN_OR_RETURN(Score score, ScoreOutputs(made, reference ? &*reference : nullptr,
                                                        data, yardstick_, names));
      scores.push_back(std::move(score));
    }
    const Drop drop = DropBetween(scores[0], scores[1], yardstick_);
    record_.metric = yardstick_.name();
    record_.accuracy_before = scores[0].value;
    record_.accuracy_after = scores[1].value;
    record_.accuracy_drop_points = drop.points;
    record_.accuracy_drop_standard_error = drop.standard_error;
    record_.evaluation_samples = data.size();
    record_.seen = !evaluation_;
    return {};
  }

  Status Write(const Graph& tuned) {
    record_.model = options_.model;
    record_.output = options_.output;
    record_.format = NameOf(format_);
    record_.seed = options_.common.seed;
    record_.command = options_.common.command;
    if (!IsFirstProcess()) return {};
    DEFTNN_ASSIGN_OR_RETURN(const Graph formatted, ApplyFormat(tuned, format_));
    DEFTNN_ASSIGN_OR_RETURN(const Isa isa, SelectedIsa());
    DEFTNN_RETURN_IF_ERROR(
        WriteNetwork(options_.output, formatted,
                     MetadataOf(model_, options_, record_.fine_tune, format_, isa), isa));
    if (options_.json.empty()) return {};
    return WriteFileAtomically(options_.json, ToJson(record_));
  }

  const TuneOptions& options_;
  const int threads_;
  TuneRecord record_;
  LoadedModel model_;
  FormatChoice format_;
  Graph graph_;  // float32
  Dataset data_;
  std::optional<Dataset> evaluation_;
  Yardstick yardstick_;
  std::unique_ptr<Session> teacher_;
  std::unique_ptr<ProcessGroup> group_;  // null: alone
};

}  // namespace

Result<TuneRecord> Tune(const TuneOptions& options) { return Tuning(options).Run(); }

}  // namespace deftnn
