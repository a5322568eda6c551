#include "deftnn/pipeline/fine_tune.h"

#include <algorithm>
#include <filesystem>

#include "deftnn/data/class_rows.h"
#include "deftnn/ops/op.h"
#include "deftnn/pipeline/feed.h"

namespace deftnn {
namespace {

constexpr double kLabelsBesideTeacher = 0.1;
constexpr int64_t kMostHeldOut = 2000;

Status CheckLabels(const Graph& graph, const Dataset& data) {
  DEFTNN_ASSIGN_OR_RETURN(const auto infos, InferShapes(graph, DefaultInputs(graph)));
  DEFTNN_ASSIGN_OR_RETURN(const ClassRows rows, ClassRowsOf(infos[graph.outputs().front()].shape));
  const std::vector<int64_t> labels = data.labels();
  for (size_t i = 0; i < labels.size(); ++i)
    DEFTNN_RETURN_IF_ERROR(CheckLabel(data.indices()[i], labels[i], rows));
  return {};
}

// Which losses the data and the options allow.
Result<LossOptions> ChooseLoss(const Graph& graph, const Dataset& data,
                               const FineTuner::Setting& setting) {
  LossOptions loss;
  loss.classes = setting.classes;
  loss.temperature = setting.options.temperature;
  const bool taught = setting.teacher != nullptr;
  const bool labelled = data.has_labels() && setting.classes;
  loss.teacher = taught ? 1.0 : 0.0;
  loss.labels =
      labelled ? setting.options.label_weight.value_or(taught ? kLabelsBesideTeacher : 1.0) : 0.0;
  if (loss.labels == 0 && loss.teacher == 0) {
    return setting.classes ? Error("has no labels to tune on").WithHint("--labels, or --distill")
                           : Error("labels cannot be compared with these outputs")
                                 .WithHint("--distill, or --metric top1");
  }
  if (loss.labels > 0) DEFTNN_RETURN_IF_ERROR(CheckLabels(graph, data));
  return loss;
}

std::string NameOf(const LossOptions& loss) {
  if (loss.teacher == 0) return "labels";
  return loss.labels > 0 ? "labels and teacher" : "teacher";
}

}  // namespace

std::string CheckpointOf(const FineTuneOptions& options, const std::string& output) {
  return options.checkpoint.empty() ? output + ".checkpoint" : options.checkpoint;
}

Result<FineTuner> FineTuner::Create(const Graph& graph, const Dataset& data, Setting setting) {
  FineTuner tuner;
  DEFTNN_ASSIGN_OR_RETURN(tuner.engine_, OpenTuneEngine());
  DEFTNN_ASSIGN_OR_RETURN(tuner.step_.descent, ParseDescent(setting.options.optimizer));
  tuner.step_.decay = setting.options.weight_decay;
  const auto loss = ChooseLoss(graph, data, setting);
  if (!loss.ok()) return loss.status().WithFile(setting.options.data);
  tuner.loss_ = *loss;
  const int64_t unit = std::max<int64_t>(1, FixedBatch(graph));
  const int64_t wanted =
      std::min(kMostHeldOut, static_cast<int64_t>(setting.options.held_out * double(data.size())));
  const int64_t held_out = std::max<int64_t>(unit, wanted / unit * unit);
  if (data.size() < held_out + unit) {
    return Error("{} samples are too few to tune on", data.size()).WithFile(setting.options.data);
  }
  std::tie(tuner.held_out_, tuner.training_) = data.Shuffled(setting.seed).Split(held_out);
  tuner.setting_ = std::move(setting);
  return tuner;
}

TrainingOptions FineTuner::OptionsFor(const FormatChoice& format, double epochs) const {
  const FineTuneOptions& options = setting_.options;
  TrainingOptions training;
  training.epochs = epochs;
  training.batch = options.batch;
  training.learning_rate = options.learning_rate;
  training.step = step_;
  training.loss = loss_;
  training.augmentation = {options.flip, options.crop};
  training.patience = options.patience;
  training.format = format;
  training.seed = setting_.seed;
  training.threads = setting_.threads;
  training.checkpoint_steps = options.checkpoint_steps;
  return training;
}

Result<FineTuned> FineTuner::Tune(const Graph& graph, const FormatChoice& format, double epochs,
                                  const std::string& stage, double epochs_before) const {
  TrainingOptions options = OptionsFor(format, epochs);
  options.epochs_before = epochs_before;
  if (!stage.empty() && !setting_.checkpoint.empty()) options.checkpoint = setting_.checkpoint;
  const auto feed = [&](const Dataset& data, int64_t begin,
                        int64_t count) -> Result<TrainingBatch> {
    DEFTNN_ASSIGN_OR_RETURN(Feed batch, MakeFeed(graph, data, begin, count));
    return TrainingBatch{std::move(batch.inputs), std::move(batch.labels)};
  };
  const TrainingSetting setting{graph, setting_.teacher, training_, held_out_, FixedBatch(graph),
                                feed,  setting_.group};
  DEFTNN_ASSIGN_OR_RETURN(Trained trained, Train(*engine_, setting, options));
  FineTuned tuned{std::move(trained.graph), {}, std::move(trained.warnings)};
  tuned.record.data = setting_.options.data;
  tuned.record.loss = NameOf(loss_);
  tuned.record.samples = training_.size();
  tuned.record.held_out_samples = held_out_.size();
  tuned.record.epochs = epochs;
  tuned.record.steps = trained.steps;
  tuned.record.best_step = trained.best_step;
  tuned.record.parameters = trained.constants;
  tuned.record.processes = setting_.group != nullptr ? setting_.group->size() : 1;
  tuned.record.loss_before = trained.loss_before;
  tuned.record.loss_after = trained.loss_after;
  tuned.record.elapsed_s = trained.seconds;
  return tuned;
}

void FineTuner::RemoveCheckpoints() const {
  std::error_code code;
  if (IsFirstProcess() && !setting_.checkpoint.empty())
    std::filesystem::remove(setting_.checkpoint, code);
}

}  // namespace deftnn
