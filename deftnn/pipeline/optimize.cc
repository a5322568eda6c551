#include <sys/resource.h>

#include <algorithm>
#include <cmath>
#include <filesystem>

#include "deftnn/base/clock.h"
#include "deftnn/base/file.h"
#include "deftnn/base/log.h"
#include "deftnn/ndf/apply_format.h"
#include "deftnn/pipeline/allocate.h"
#include "deftnn/pipeline/base_network.h"
#include "deftnn/pipeline/channel_order.h"
#include "deftnn/pipeline/check_writable.h"
#include "deftnn/pipeline/choose_allocator.h"
#include "deftnn/pipeline/choose_format.h"
#include "deftnn/pipeline/conditioning.h"
#include "deftnn/pipeline/feed.h"
#include "deftnn/pipeline/fine_tune.h"
#include "deftnn/pipeline/load_model.h"
#include "deftnn/pipeline/merge_statistics.h"
#include "deftnn/pipeline/network_id.h"
#include "deftnn/pipeline/never_slower.h"
#include "deftnn/pipeline/optimize_record.h"
#include "deftnn/pipeline/processes.h"
#include "deftnn/pipeline/search.h"
#include "deftnn/pipeline/splits.h"
#include "deftnn/pipeline/verbs.h"
#include "deftnn/pipeline/write_package.h"
#include "deftnn/report/html.h"
#include "deftnn/report/json.h"
#include "deftnn/report/progress.h"

namespace deftnn {
namespace {

constexpr double kDefaultDrop = 0.5;
constexpr double kFewestRows = 16384;
constexpr int64_t kFewestPositions = 2, kMostPositions = 256;
constexpr double kMostGramMacs = 4e11, kMostTargetBytes = 1e9;
constexpr double kBriefShare = 0.25;  // of the epochs, for a candidate that may not be taken

// Output positions to look at, a sample. A convolution's rows add up to `most_rows`, or to fewer in
// large networks, where they would take minutes or gigabytes; a fully connected layer has but one
// row a sample, so that samples are worth more than positions.
int64_t PositionsFor(int64_t samples, const std::vector<Layer>& layers, int64_t most_rows) {
  double gram_macs = 1, target_bytes = 1;  // of one row in each layer
  for (const Layer& layer : layers) {
    if (!layer.why_not.empty()) continue;
    gram_macs += std::pow(static_cast<double>(layer.full_k), 2);
    target_bytes += 4.0 * static_cast<double>(layer.outputs);
  }
  const double affordable = std::min(kMostGramMacs / gram_macs, kMostTargetBytes / target_bytes);
  const int64_t rows = std::min(most_rows, static_cast<int64_t>(std::max(affordable, kFewestRows)));
  return std::clamp((rows + samples - 1) / samples, kFewestPositions, kMostPositions);
}

int64_t PeakMemoryBytes() {
  rusage usage{};
  return getrusage(RUSAGE_SELF, &usage) == 0 ? int64_t{usage.ru_maxrss} * 1024 : 0;
}

// One run of the verb: what its steps hand on to each other.
class Optimizer {
 public:
  explicit Optimizer(const OptimizeOptions& options)
      : options_(options),
        pool_(options.common.threads > 0 ? options.common.threads : PhysicalThreads()) {}

  Result<OptimizeRecord> Run() {
    const double begin = WallSeconds();
    DEFTNN_RETURN_IF_ERROR(Open());
    DEFTNN_RETURN_IF_ERROR(FindFormat().WithFile(options_.model));
    for (int round = 1; round <= Rounds(); ++round) {
      if (round > 1) DEFTNN_RETURN_IF_ERROR(GoOn());
      DEFTNN_RETURN_IF_ERROR(Reduce(round).WithFile(options_.calibration));
      DEFTNN_RETURN_IF_ERROR(FineTune(round).WithFile(options_.fine_tune.data));
    }
    DEFTNN_RETURN_IF_ERROR(Conclude().WithFile(ReportFile()));
    record_.elapsed_s = WallSeconds() - begin;
    record_.peak_memory_bytes = PeakMemoryBytes();
    DEFTNN_RETURN_IF_ERROR(Write());
    if (tuner_) tuner_->RemoveCheckpoints();
    return record_;
  }

 private:
  Status Open() {
    for (const std::string& path :
         {options_.output, options_.report, options_.json, options_.costs}) {
      DEFTNN_RETURN_IF_ERROR(CheckWritable(path));
    }
    DEFTNN_RETURN_IF_ERROR(CheckRounds());
    DEFTNN_ASSIGN_OR_RETURN(model_, LoadModel(options_.model));
    DEFTNN_ASSIGN_OR_RETURN(
        const Dataset calibration,
        OpenDataFor(model_.graph, options_.calibration, Labelled(options_.evaluation.empty())));
    std::optional<Dataset> evaluation;
    if (!options_.evaluation.empty()) {
      DEFTNN_ASSIGN_OR_RETURN(evaluation,
                              OpenDataFor(model_.graph, options_.evaluation, options_.common));
    }
    DEFTNN_ASSIGN_OR_RETURN(splits_,
                            Split(calibration, evaluation, BatchFor(model_.graph, 1), options_));
    const bool labels = splits_.report.has_labels() && splits_.selection.has_labels();
    auto yardstick = ChooseYardstick(options_.metric, options_.metric_command, labels);
    if (!yardstick.ok()) return yardstick.status().WithFile(ReportFile());
    yardstick_ = std::move(yardstick).value();
    if (splits_.selection.size() < kFewSelection) {
      Warn(fmt::format("only {} samples to choose on: the choice is uncertain",
                       splits_.selection.size()));
    }
    DEFTNN_ASSIGN_OR_RETURN(original_.session, OpenSession(model_, options_.common.threads));
    DEFTNN_RETURN_IF_ERROR(ReadCosts());
    DEFTNN_RETURN_IF_ERROR(Join());
    // Weights that a .deft keeps in 16 bits are worked on as the float32 numbers that they stand
    // for.
    DEFTNN_ASSIGN_OR_RETURN(model_.graph, ApplyFormat(model_.graph, Format::kFp32));
    DEFTNN_ASSIGN_OR_RETURN(original_, OpenBase(model_.graph, options_.common.batch,
                                                original_.session->isa(), pool_.size()));
    if (original_.layers.empty())
      return Error("has no product with constant weights to optimise").WithFile(options_.model);
    for (const Layer& layer : original_.layers) {
      if (layer.kept_k == layer.full_k) continue;
      return Error("was reduced before: keeps {} of {} entries of K", layer.kept_k, layer.full_k)
          .WithFile(options_.model)
          .WithNode(layer.name)
          .WithHint("reduce the original network further, or train this one with deftnn tune");
    }
    // A few samples then show that the network runs and that the labels fit.
    if (GivesAll(options_)) {
      splits_.selection = splits_.selection.Slice(
          0, std::min(splits_.selection.size(), BatchFor(model_.graph, kFewSelection)));
    }
    auto outputs = RunOver(*original_.session, splits_.selection);
    if (!outputs.ok()) return outputs.status().WithFile(options_.model);
    selection_reference_ = std::move(outputs).value();
    DEFTNN_RETURN_IF_ERROR(ScoreOriginal());
    DEFTNN_RETURN_IF_ERROR(TakeShare().WithFile(options_.calibration));
    return OpenTuner(calibration);
  }

  // Rounds share out what is asked for; how far a drop goes shows at the end.
  Status CheckRounds() const {
    if (options_.fine_tune.rounds == 1) return {};
    if (options_.fine_tune.data.empty())
      return Error("--rounds trains between them").WithHint("--fine-tune DATA");
    if (!options_.reduce_macs && !options_.speedup)
      return Error("--rounds shares out a goal that is known")
          .WithHint("--reduce-macs or --speedup");
    return {};
  }

  // Processes that start from the same take the same way, if what they measure is agreed on.
  Status Join() {
    DEFTNN_ASSIGN_OR_RETURN(group_, JoinProcesses());
    if (group_ == nullptr) return {};
    DEFTNN_RETURN_IF_ERROR(
        CheckSame(*group_, "the instruction set", std::string(NameOf(original_.session->isa()))));
    std::string costs;
    if (!options_.costs.empty() && std::filesystem::exists(options_.costs)) {
      DEFTNN_ASSIGN_OR_RETURN(costs, ReadFile(options_.costs));
    }
    DEFTNN_RETURN_IF_ERROR(CheckSame(*group_, "the cost table", costs));
    DEFTNN_ASSIGN_OR_RETURN(const std::string network, NetworkId(model_.graph));
    DEFTNN_RETURN_IF_ERROR(CheckSame(*group_, "the network", network));
    costs_->AgreeBy([&](double value) { return Agreed(*group_, value); });
    return {};
  }

  // This process's samples for statistics, and which they are.
  Status TakeShare() {
    statistics_count_ = splits_.statistics.size();
    sampling_ = {options_.common.seed,
                 PositionsFor(statistics_count_, original_.layers, options_.calibration_rows), 32};
    if (group_ == nullptr) return {};
    DEFTNN_ASSIGN_OR_RETURN(const Share share, ShareOf(statistics_count_, BatchFor(model_.graph, 1),
                                                       {group_->rank(), group_->size(), "", 0}));
    splits_.statistics = splits_.statistics.Slice(share.begin, share.count);
    sampling_.first_sample = share.begin;
    sampling_.group = group_.get();
    return {};
  }

  // Data and labels that cannot be trained on are said before the work begins.
  Status OpenTuner(const Dataset& calibration) {
    const FineTuneOptions& options = options_.fine_tune;
    if (options.data.empty()) return {};
    DEFTNN_RETURN_IF_ERROR(CheckWritable(CheckpointOf(options, options_.output)));
    std::error_code code;
    Dataset data;
    if (std::filesystem::equivalent(options.data, options_.calibration, code)) {
      data = WithoutJudges(calibration, splits_, options_.evaluation.empty());
    } else {
      DEFTNN_ASSIGN_OR_RETURN(data, OpenDataFor(model_.graph, options.data, Labelled(false)));
    }
    FineTuner::Setting setting;
    setting.options = options;
    setting.seed = options_.common.seed;
    setting.threads = pool_.size();
    setting.classes = ReadsClasses(yardstick_, selection_reference_);
    setting.teacher = options.distill ? original_.session.get() : nullptr;
    setting.checkpoint = CheckpointOf(options, options_.output);
    setting.group = group_.get();
    DEFTNN_ASSIGN_OR_RETURN(tuner_, FineTuner::Create(model_.graph, data, std::move(setting)));
    return {};
  }

  // Wrong labels are said now, those of the report too, though it is scored at the end.
  Status ScoreOriginal() {
    if (yardstick_.needs_labels()) {
      DEFTNN_RETURN_IF_ERROR(
          CheckLabels(selection_reference_, splits_.selection).WithFile(options_.calibration));
      DEFTNN_RETURN_IF_ERROR(
          CheckLabels(selection_reference_, splits_.report).WithFile(ReportFile()));
    }
    auto score = ScoreOutputs(selection_reference_, &selection_reference_, splits_.selection,
                              yardstick_, OutputNames());
    if (!score.ok()) return score.status().WithFile(options_.calibration);
    selection_score_ = std::move(score).value();
    return {};
  }

  const std::string& ReportFile() const {
    return options_.evaluation.empty() ? options_.calibration : options_.evaluation;
  }

  // --labels belongs to the evaluation data when there is some.
  CommonOptions Labelled(bool keep) const {
    CommonOptions common = options_.common;
    if (!keep) common.labels.clear();
    return common;
  }

  std::vector<std::string> OutputNames() const {
    std::vector<std::string> names;
    for (ValueId id : model_.graph.outputs()) names.push_back(model_.graph.value(id).name);
    return names;
  }

  void Warn(const std::string& text) {
    spdlog::warn("{}", text);
    record_.warnings.push_back(text);
  }

  // 16 bits where they are faster here and lose no more than a part of what may be lost.
  Status FindFormat() {
    if (options_.format != "auto") {
      DEFTNN_ASSIGN_OR_RETURN(format_, ParseFormat(options_.format));
      return {};
    }
    DEFTNN_ASSIGN_OR_RETURN(
        const ChosenFormat chosen,
        ChooseFormat({.original = *original_.session,
                      .selection = splits_.selection,
                      .reference = selection_reference_,
                      .score = selection_score_,
                      .yardstick = yardstick_,
                      .output_names = OutputNames(),
                      .allowed_points = 0.5 * options_.max_drop.value_or(kDefaultDrop),
                      .batch = options_.common.batch,
                      .seed = options_.common.seed,
                      .costs = *costs_}));
    format_ = chosen.choice;
    if (!chosen.warning.empty()) Warn(chosen.warning);
    return {};
  }

  Method ChooseMethod() const {
    Method method;
    method.criterion = options_.criterion;
    method.compensation = options_.compensation;
    method.grouping = options_.group != "auto" ? options_.group
                      : !format_.all_fp32()    ? "pair"
                                               : "synapse";
    return method;
  }

  int Rounds() const { return tuner_ ? static_cast<int>(options_.fine_tune.rounds) : 1; }

  // A goal of so many times less, shared out evenly among the rounds.
  double GoalOf(double goal, int round) const {
    return std::pow(goal, static_cast<double>(round) / Rounds());
  }

  // What was reduced and trained is what the next round reduces.
  Status GoOn() {
    kept_before_ = candidate_->kept;
    DEFTNN_ASSIGN_OR_RETURN(Graph graph, WithAllEntries(candidate_->reduced.graph));
    DEFTNN_ASSIGN_OR_RETURN(base_, OpenBase(std::move(graph), options_.common.batch,
                                            original_.session->isa(), pool_.size()));
    return {};
  }

  Status Reduce(int round) {
    const Method method = ChooseMethod();
    LayerTargets targets;
    DEFTNN_ASSIGN_OR_RETURN(std::vector<LayerStatistics> statistics,
                            CalibrateOriginal(*Base().session, Base().layers, splits_.statistics,
                                              sampling_, pool_, &targets));
    DEFTNN_RETURN_IF_ERROR(CheckConditions(statistics));
    DEFTNN_RETURN_IF_ERROR(Order(method, statistics, targets));
    DEFTNN_RETURN_IF_ERROR(MeasureErrors(method, statistics));
    DEFTNN_ASSIGN_OR_RETURN(CostModel costs, MeasureCosts());
    const bool uniform = options_.allocation == "uniform";
    std::vector<Allocator> allocators;
    for (const std::vector<LayerCurves>& curves : curves_) {
      allocators.emplace_back(Base().layers, curves, costs,
                              uniform ? AllocationRule::kUniform : AllocationRule::kMeasured);
      if (uniform) break;  // errors play no part
    }
    SearchSetting setting{*original_.session,
                          *Base().session,
                          Base().layers,
                          &allocators.front(),
                          splits_.statistics,
                          targets,
                          splits_.selection,
                          selection_reference_,
                          selection_score_,
                          yardstick_,
                          format_,
                          {},
                          options_.common.batch,
                          pool_};
    setting.reduce.method = method;
    setting.reduce.calibration = sampling_;
    setting.reduce.threads = pool_.size();
    setting.reduce.format = format_;
    if (group_ != nullptr) setting.agreed = [&](double value) { return Agreed(*group_, value); };
    if (tuner_) {
      setting.tune_briefly = [&](const Graph& graph) -> Result<Graph> {
        DEFTNN_ASSIGN_OR_RETURN(FineTuned tuned,
                                tuner_->Tune(graph, format_, kBriefShare * tuner_->epochs(), ""));
        return std::move(tuned.graph);
      };
    }
    const auto goal = [&](double all) { return GoalOf(all, round); };
    DEFTNN_ASSIGN_OR_RETURN(
        const double first_ratio,
        CostRatioFor(setting, goal(options_.reduce_macs.value_or(kFirstCostRatio))));
    DEFTNN_RETURN_IF_ERROR(ChooseAllocator(allocators, first_ratio, splits_.trial, setting));
    const auto search = [&]() -> Result<Candidate> {
      if (options_.speedup) return SearchSpeedup(setting, goal(*options_.speedup));
      if (options_.reduce_macs) return SearchMacs(setting, goal(*options_.reduce_macs));
      return SearchMaxDrop(setting, options_.max_drop.value_or(kDefaultDrop));
    };
    DEFTNN_ASSIGN_OR_RETURN(candidate_, search());
    reasons_ = setting.allocator->reasons();
    // A goal in multiply-adds is met by counting them.
    if (!options_.reduce_macs) {
      DEFTNN_ASSIGN_OR_RETURN(
          candidate_, RestoreSlowLayers(setting, std::move(*candidate_), *costs_, reasons_));
    }
    for (size_t i = 0; i < kept_before_.size(); ++i) {
      candidate_->kept[i].channels *= kept_before_[i].channels;
      candidate_->kept[i].fine *= kept_before_[i].fine;
    }
    return {};
  }

  Status MeasureErrors(const Method& method, const std::vector<LayerStatistics>& statistics) {
    const bool automatic = options_.group == "auto";
    CurveOptions curve_options;
    curve_options.method = method;
    curve_options.yardstick = yardstick_;
    curve_options.channels = automatic || options_.group == "channel";
    curve_options.fine = options_.group != "channel";
    curve_options.threads = pool_.size();
    curve_options.format = format_;
    const Dataset curve_data =
        splits_.curves.Slice(0, std::min(kCurveSamples, splits_.curves.size()));
    const CurveEffort effort =
        PlanCurves(Base().layers, curve_options, curve_data.size(),
                   BatchFor(model_.graph, options_.common.batch), BatchFor(model_.graph, 1));
    curve_options.every_fraction = effort.every_fraction;
    {
      Progress progress("error curves", std::ssize(Base().layers));
      curve_options.advance = [&] { progress.Advance(); };
      DEFTNN_ASSIGN_OR_RETURN(
          curves_, MeasureCurves(*Base().session, Base().layers, statistics,
                                 curve_data.Slice(0, effort.samples), curve_options, pool_));
    }
    return {};
  }

  // Another order of the channels, where groups of neighbours are chosen.
  Status Order(const Method& method, std::vector<LayerStatistics>& statistics,
               LayerTargets& targets) {
    DEFTNN_ASSIGN_OR_RETURN(std::optional<Graph> graph,
                            OrderChannels(Base().graph(), Base().infos, Base().layers, method,
                                          pool_, statistics, targets));
    if (!graph) return {};
    DEFTNN_ASSIGN_OR_RETURN(BaseNetwork ordered, OpenBase(std::move(*graph), options_.common.batch,
                                                          original_.session->isa(), pool_.size()));
    for (size_t i = 0; i < ordered.layers.size(); ++i)
      ordered.layers[i].damping = Base().layers[i].damping;
    base_ = std::move(ordered);
    return {};
  }

  // The network that is reduced.
  BaseNetwork& Base() { return base_ ? *base_ : original_; }

  // What the search has chosen, trained for the round's share of the epochs. The checkpoint is the
  // last round's.
  Status FineTune(int round) {
    if (!tuner_) return {};
    const double epochs = tuner_->epochs() / Rounds();
    DEFTNN_ASSIGN_OR_RETURN(FineTuned tuned,
                            tuner_->Tune(candidate_->reduced.graph, format_, epochs,
                                         round == Rounds() ? "chosen" : "", (round - 1) * epochs));
    candidate_->reduced.graph = std::move(tuned.graph);
    if (record_.fine_tune) {
      tuned.record.epochs += record_.fine_tune->epochs;
      tuned.record.steps += record_.fine_tune->steps;
      tuned.record.elapsed_s += record_.fine_tune->elapsed_s;
    }
    tuned.record.rounds = round;
    record_.fine_tune = tuned.record;
    for (const std::string& warning : tuned.warnings) Warn(warning);
    return {};
  }

  // Warns of layers with too few rows and holds their refits back where held-out samples say so.
  Status CheckConditions(const std::vector<LayerStatistics>& statistics) {
    std::vector<Layer>& layers = Base().layers;
    const std::string warning = ConditionWarning(layers, statistics);
    if (!warning.empty()) Warn(warning);
    const std::vector<size_t> few = ShortOfRows(layers, statistics);
    if (few.empty()) return {};
    const Dataset data = splits_.curves.Slice(0, std::min(kCurveSamples, splits_.curves.size()));
    CalibrationOptions sampling = sampling_;
    sampling.first_sample = 0;  // every process takes all of these
    sampling.group = nullptr;
    DEFTNN_ASSIGN_OR_RETURN(
        const std::vector<LayerStatistics> held_out,
        CalibrateOriginal(*Base().session, layers, data, sampling, pool_, nullptr));
    for (const size_t i : few) {
      DEFTNN_ASSIGN_OR_RETURN(const LayerProblem problem,
                              ProblemOf(Base().graph(), layers[i], statistics[i]));
      auto damping = ChooseDamping(problem, held_out[i], options_.compensation, &pool_);
      if (!damping.ok()) return damping.status().WithNode(layers[i].name);
      layers[i].damping = *damping;
    }
    return {};
  }

  // A table that cannot be used is refused before the work begins.
  Status ReadCosts() {
    costs_ = std::make_unique<CostTable>(original_.session->isa());
    if (options_.costs.empty() || !std::filesystem::exists(options_.costs)) return {};
    return costs_->Read(options_.costs);
  }

  Result<CostModel> MeasureCosts() {
    if (options_.reduce_macs) return CostModel::CountMacs(Base().layers);
    DEFTNN_ASSIGN_OR_RETURN(CostModel model, CostModel::Measure(Base().graph(), Base().infos,
                                                                Base().layers, format_, *costs_));
    DEFTNN_RETURN_IF_ERROR(KeepCosts());
    return model;
  }

  Status KeepCosts() {
    if (options_.costs.empty() || !costs_->changed() || !IsFirstProcess()) return {};
    return costs_->Write(options_.costs);
  }

  Status Conclude() {
    record_.model = options_.model;
    record_.output = options_.output;
    record_.seed = options_.common.seed;
    record_.batch = BatchFor(model_.graph, options_.common.batch);
    record_.calibration_samples = statistics_count_;
    record_.evaluation_samples = splits_.report.size();
    record_.goal = options_.speedup ? fmt::format("--speedup {}", *options_.speedup)
                   : options_.reduce_macs
                       ? fmt::format("--reduce-macs {}", *options_.reduce_macs)
                       : fmt::format("--max-drop {}", options_.max_drop.value_or(kDefaultDrop));
    const Method method = ChooseMethod();
    record_.criterion = method.criterion;
    record_.compensation = method.compensation;
    record_.group = options_.group == "auto" ? "channel, then " + method.grouping : method.grouping;
    record_.command = options_.common.command;
    const bool other_goal = options_.speedup || options_.reduce_macs;
    const double allowed = options_.max_drop.value_or(
        other_goal ? std::numeric_limits<double>::infinity() : kDefaultDrop);
    ConcludeSetting setting{model_.graph,    original_.layers, *candidate_, reasons_,
                            splits_.report,  yardstick_,       allowed,     format_,
                            method.grouping, record_.batch,    *costs_,     pool_};
    DEFTNN_ASSIGN_OR_RETURN(written_, FillRecord(setting, record_));
    if (record_.accuracy_drop_points > allowed) {
      Warn(
          fmt::format("the samples that no choice has seen lose {:.2f} points, more than the "
                      "{:.2f} allowed: choose with a "
                      "lower --max-drop or more data",
                      record_.accuracy_drop_points, allowed));
    }
    return {};
  }

  Status Write() {
    if (!IsFirstProcess()) return {};
    DEFTNN_RETURN_IF_ERROR(KeepCosts());
    DEFTNN_RETURN_IF_ERROR(
        WriteOptimized(options_.output, *written_, record_, original_.session->isa()));
    if (!options_.json.empty())
      DEFTNN_RETURN_IF_ERROR(WriteFileAtomically(options_.json, ToJson(record_)));
    if (!options_.report.empty())
      DEFTNN_RETURN_IF_ERROR(WriteFileAtomically(options_.report, ToHtml(record_)));
    return {};
  }

  const OptimizeOptions& options_;
  ThreadPool pool_;
  OptimizeRecord record_;
  LoadedModel model_;
  Splits splits_;
  Yardstick yardstick_;
  BaseNetwork original_;
  std::optional<BaseNetwork> base_;        // another one that is reduced; none: the original
  std::vector<KeptFraction> kept_before_;  // by layer: in earlier rounds
  CalibrationOptions sampling_;
  std::unique_ptr<CostTable> costs_;
  Outputs selection_reference_;
  Score selection_score_;
  FormatChoice format_;
  CurvesByLoss curves_;
  std::unique_ptr<ProcessGroup> group_;  // null: alone
  int64_t statistics_count_ = 0;         // samples that statistics are of, over all processes
  std::optional<FineTuner> tuner_;
  std::optional<Candidate> candidate_;
  std::vector<std::string> reasons_;  // by layer: why it is not cut into finer groups
  std::optional<Graph> written_;
};

}  // namespace

Result<OptimizeRecord> Optimize(const OptimizeOptions& options) { return Optimizer(options).Run(); }

}  // namespace deftnn
