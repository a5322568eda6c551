#include <sys/resource.h>

#include <algorithm>
#include <cmath>

#include "deftnn/base/clock.h"
#include "deftnn/base/file.h"
#include "deftnn/base/log.h"
#include "deftnn/ndf/apply_format.h"
#include "deftnn/pipeline/allocate.h"
#include "deftnn/pipeline/channel_order.h"
#include "deftnn/pipeline/choose_allocator.h"
#include "deftnn/pipeline/choose_format.h"
#include "deftnn/pipeline/conditioning.h"
#include "deftnn/pipeline/feed.h"
#include "deftnn/pipeline/merge_statistics.h"
#include "deftnn/pipeline/never_slower.h"
#include "deftnn/pipeline/optimize_inputs.h"
#include "deftnn/pipeline/optimize_record.h"
#include "deftnn/pipeline/processes.h"
#include "deftnn/pipeline/search.h"
#include "deftnn/pipeline/verbs.h"
#include "deftnn/pipeline/write_package.h"
#include "deftnn/report/html.h"
#include "deftnn/report/json.h"
#include "deftnn/report/numbers.h"
#include "deftnn/report/progress.h"

namespace deftnn {
namespace {

constexpr double kDefaultDrop = 0.5;
constexpr double kBriefShare = 0.25;  // of the epochs, for a candidate that may not be taken

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
    DEFTNN_ASSIGN_OR_RETURN(in_, OpenInputs(options_, pool_.size()));
    for (const std::string& warning : in_.warnings) Warn(warning);
    DEFTNN_RETURN_IF_ERROR(FindFormat().WithFile(options_.model));
    for (int round = 1; round <= Rounds(); ++round) {
      if (round > 1) DEFTNN_RETURN_IF_ERROR(GoOn());
      DEFTNN_RETURN_IF_ERROR(Reduce(round).WithFile(options_.calibration));
      DEFTNN_RETURN_IF_ERROR(FineTune(round).WithFile(options_.fine_tune.data));
    }
    DEFTNN_RETURN_IF_ERROR(Conclude().WithFile(ReportFile(options_)));
    record_.elapsed_s = WallSeconds() - begin;
    record_.peak_memory_bytes = PeakMemoryBytes();
    DEFTNN_RETURN_IF_ERROR(Write());
    if (in_.tuner) in_.tuner->RemoveCheckpoints();
    return record_;
  }

 private:
  void Warn(const std::string& text) {
    spdlog::warn("{}", text);
    record_.warnings.push_back(text);
  }

  // 16 bits where they are faster here and lose no more than a part of what may be lost.
  Status FindFormat() {
    if (options_.format != "auto") {
      DEFTNN_ASSIGN_OR_RETURN(format_.choice, ParseFormat(options_.format));
      return {};
    }
    DEFTNN_ASSIGN_OR_RETURN(
        format_, ChooseFormat({.original = *in_.original.session,
                               .selection = in_.splits.selection,
                               .reference = in_.selection_reference,
                               .score = in_.selection_score,
                               .yardstick = in_.yardstick,
                               .output_names = OutputNames(in_.model.graph),
                               .allowed_points = 0.5 * options_.max_drop.value_or(kDefaultDrop),
                               .batch = options_.common.batch,
                               .seed = options_.common.seed,
                               .costs = *in_.costs}));
    return {};
  }

  // With what a layer keeps its format is chosen too, where that is weighed by time and 16 bits
  // harm.
  std::vector<NodeHarm> OpenFormats() const {
    return GoesByTime() ? format_.harms : std::vector<NodeHarm>();
  }
  bool GoesByTime() const { return !options_.reduce_macs && options_.allocation != "uniform"; }

  Method ChooseMethod() const {
    Method method;
    method.criterion = options_.criterion;
    method.compensation = options_.compensation;
    method.groupings = Groupings();
    return method;
  }

  // Matrix tiles take runs of channels as they lie, and pairs by copying: each layer's time and
  // loss tell which of both suits it, where the goal is one of time.
  std::vector<std::string> Groupings() const {
    if (options_.group != "auto") return {options_.group};
    if (format_.choice.all_fp32() && OpenFormats().empty()) return {"synapse"};
    if (GoesByTime() && gemm::HasTileKernel(in_.original.session->isa(), Format::kDfp16))
      return {"pair", "hardware32"};
    return {"pair"};
  }

  int Rounds() const { return in_.tuner ? static_cast<int>(options_.fine_tune.rounds) : 1; }

  // A goal of so many times less, shared out evenly among the rounds.
  double GoalOf(double goal, int round) const {
    return std::pow(goal, static_cast<double>(round) / Rounds());
  }

  // What was reduced and trained is what the next round reduces.
  Status GoOn() {
    kept_before_ = candidate_->recipe.kept;
    DEFTNN_ASSIGN_OR_RETURN(Graph graph, WithAllEntries(candidate_->reduced.graph));
    DEFTNN_ASSIGN_OR_RETURN(base_, OpenBase(std::move(graph), options_.common.batch,
                                            in_.original.session->isa(), pool_.size()));
    return {};
  }

  Status Reduce(int round) {
    const Method method = ChooseMethod();
    LayerTargets targets;
    DEFTNN_ASSIGN_OR_RETURN(std::vector<LayerStatistics> statistics,
                            CalibrateOriginal(*Base().session, Base().layers, in_.splits.statistics,
                                              in_.sampling, pool_, &targets));
    DEFTNN_RETURN_IF_ERROR(CheckConditions(statistics));
    DEFTNN_RETURN_IF_ERROR(Order(method, statistics, targets));
    DEFTNN_RETURN_IF_ERROR(MeasureErrors(method, statistics));
    const std::vector<FormatOffers> offers =
        OfferFormats(format_.choice, OpenFormats(), curves_.size());
    DEFTNN_ASSIGN_OR_RETURN(CostModel costs, MeasureCosts(offers.front()));
    const bool uniform = options_.allocation == "uniform";
    std::vector<Allocator> allocators;
    for (size_t loss = 0; loss < curves_.size(); ++loss) {
      allocators.emplace_back(Base().layers, curves_[loss], costs, offers[loss],
                              uniform ? AllocationRule::kUniform : AllocationRule::kMeasured);
      if (uniform) break;  // errors play no part
    }
    SearchSetting setting{*in_.original.session,
                          *Base().session,
                          Base().layers,
                          &allocators.front(),
                          in_.splits.statistics,
                          targets,
                          in_.splits.selection,
                          in_.selection_reference,
                          in_.selection_score,
                          in_.yardstick,
                          {},
                          options_.common.batch,
                          pool_};
    setting.reduce.method = method;
    setting.reduce.calibration = in_.sampling;
    setting.reduce.threads = pool_.size();
    if (in_.group != nullptr)
      setting.agreed = [&](double value) { return Agreed(*in_.group, value); };
    if (in_.tuner) {
      setting.tune_briefly = [&](const Candidate& candidate) -> Result<Graph> {
        DEFTNN_ASSIGN_OR_RETURN(FineTuned tuned,
                                in_.tuner->Tune(candidate.reduced.graph, candidate.recipe.format,
                                                kBriefShare * in_.tuner->epochs(), ""));
        return std::move(tuned.graph);
      };
    }
    const auto goal = [&](double all) { return GoalOf(all, round); };
    DEFTNN_ASSIGN_OR_RETURN(
        const double first_ratio,
        CostRatioFor(setting, goal(options_.reduce_macs.value_or(kFirstCostRatio))));
    DEFTNN_RETURN_IF_ERROR(ChooseAllocator(allocators, first_ratio, in_.splits.trial, setting));
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
          candidate_, RestoreSlowLayers(setting, std::move(*candidate_), *in_.costs, reasons_));
    }
    for (size_t i = 0; i < kept_before_.size(); ++i) {
      candidate_->recipe.kept[i].channels *= kept_before_[i].channels;
      candidate_->recipe.kept[i].fine *= kept_before_[i].fine;
    }
    return {};
  }

  Status MeasureErrors(const Method& method, const std::vector<LayerStatistics>& statistics) {
    const bool automatic = options_.group == "auto";
    CurveOptions curve_options;
    curve_options.method = method;
    curve_options.yardstick = in_.yardstick;
    curve_options.channels = automatic || options_.group == "channel";
    curve_options.fine = options_.group != "channel";
    curve_options.threads = pool_.size();
    curve_options.format = format_.choice;
    const Dataset curve_data =
        in_.splits.curves.Slice(0, std::min(kCurveSamples, in_.splits.curves.size()));
    const CurveEffort effort =
        PlanCurves(Base().layers, curve_options, curve_data.size(),
                   BatchFor(in_.model.graph, options_.common.batch), BatchFor(in_.model.graph, 1));
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
    DEFTNN_ASSIGN_OR_RETURN(BaseNetwork ordered,
                            OpenBase(std::move(*graph), options_.common.batch,
                                     in_.original.session->isa(), pool_.size()));
    for (size_t i = 0; i < ordered.layers.size(); ++i)
      ordered.layers[i].damping = Base().layers[i].damping;
    base_ = std::move(ordered);
    return {};
  }

  // The network that is reduced.
  BaseNetwork& Base() { return base_ ? *base_ : in_.original; }

  // What the search has chosen, trained for the round's share of the epochs. The checkpoint is the
  // last round's.
  Status FineTune(int round) {
    if (!in_.tuner) return {};
    const double epochs = in_.tuner->epochs() / Rounds();
    DEFTNN_ASSIGN_OR_RETURN(
        FineTuned tuned,
        in_.tuner->Tune(candidate_->reduced.graph, candidate_->recipe.format, epochs,
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
    const Dataset data =
        in_.splits.curves.Slice(0, std::min(kCurveSamples, in_.splits.curves.size()));
    CalibrationOptions sampling = in_.sampling;
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

  Result<CostModel> MeasureCosts(const FormatOffers& formats) {
    if (options_.reduce_macs) return CostModel::CountMacs(Base().layers);
    DEFTNN_ASSIGN_OR_RETURN(CostModel model,
                            CostModel::Measure(Base().graph(), Base().infos,
                                               BatchFor(in_.model.graph, options_.common.batch),
                                               Base().layers, formats, Groupings(), *in_.costs));
    DEFTNN_RETURN_IF_ERROR(KeepCosts());
    return model;
  }

  Status KeepCosts() {
    if (options_.costs.empty() || !in_.costs->changed() || !IsFirstProcess()) return {};
    return in_.costs->Write(options_.costs);
  }

  Status Conclude() {
    record_.model = options_.model;
    record_.output = options_.output;
    record_.seed = options_.common.seed;
    record_.batch = BatchFor(in_.model.graph, options_.common.batch);
    record_.calibration_samples = in_.statistics_count;
    record_.evaluation_samples = in_.splits.report.size();
    record_.goal = options_.speedup ? fmt::format("--speedup {}", *options_.speedup)
                   : options_.reduce_macs
                       ? fmt::format("--reduce-macs {}", *options_.reduce_macs)
                       : fmt::format("--max-drop {}", options_.max_drop.value_or(kDefaultDrop));
    const Method method = ChooseMethod();
    record_.criterion = method.criterion;
    record_.compensation = method.compensation;
    const std::string fine = fmt::format("{}", fmt::join(method.groupings, " or "));
    record_.group = options_.group == "auto" ? "channel, then " + fine : fine;
    record_.command = options_.common.command;
    const bool other_goal = options_.speedup || options_.reduce_macs;
    const double allowed = options_.max_drop.value_or(
        other_goal ? std::numeric_limits<double>::infinity() : kDefaultDrop);
    ConcludeSetting setting{in_.model.graph,   in_.original.layers, *candidate_, reasons_,
                            in_.splits.report, in_.yardstick,       allowed,     method.groupings,
                            record_.batch,     *in_.costs,          pool_};
    DEFTNN_ASSIGN_OR_RETURN(written_, FillRecord(setting, record_));
    WarnOfFormat();
    WarnOfTime();
    if (record_.accuracy_drop_points > allowed) {
      Warn(
          fmt::format("the samples that no choice has seen lose {:.2f} points, more than the "
                      "{:.2f} allowed: choose with a "
                      "lower --max-drop or more data",
                      record_.accuracy_drop_points, allowed));
    }
    return {};
  }

  // Where 16 bits were asked for as far as they are good, and are not everywhere.
  void WarnOfFormat() {
    if (format_.why_not.empty()) return;
    const auto in_fp32 = [&](const Node& node) {
      return HasFormat(node) && WeightFormat(*written_, node) == Format::kFp32;
    };
    const std::vector<Node>& nodes = written_->nodes();
    const auto all = std::count_if(nodes.begin(), nodes.end(), HasFormat);
    const auto kept = std::count_if(nodes.begin(), nodes.end(), in_fp32);
    if (kept == 0) return;
    if (kept == all) return Warn(format_.why_not + ": tensors stay in fp32");
    const auto worst =
        std::find_if(format_.harms.begin(), format_.harms.end(), [&](const NodeHarm& of) {
          const int index = written_->FindNode(of.node);
          return index >= 0 && in_fp32(written_->node(index));
        });
    Warn(fmt::format("{}: {} of {} nodes stay in fp32{}", format_.why_not, kept, all,
                     worst == format_.harms.end() ? "" : ", " + worst->node + " before all"));
  }

  // A goal in multiply-adds asks for no time; who set it will.
  void WarnOfTime() {
    if (!options_.reduce_macs || !record_.both || !record_.ndf_only) return;
    const PartRecord &reduced = *record_.both, &dense = *record_.ndf_only;
    if (reduced.macs >= dense.macs || reduced.latency_ms < dense.latency_ms) return;
    Warn(fmt::format(
        "reduced it takes {}, dense in the same format {}: --reduce-macs counts multiply-adds; "
        "--max-drop and --speedup go by measured time",
        FormatMilliseconds(reduced.latency_ms), FormatMilliseconds(dense.latency_ms)));
  }

  Status Write() {
    if (!IsFirstProcess()) return {};
    DEFTNN_RETURN_IF_ERROR(KeepCosts());
    DEFTNN_RETURN_IF_ERROR(
        WriteOptimized(options_.output, *written_, record_, in_.original.session->isa()));
    if (!options_.json.empty())
      DEFTNN_RETURN_IF_ERROR(WriteFileAtomically(options_.json, ToJson(record_)));
    if (!options_.report.empty())
      DEFTNN_RETURN_IF_ERROR(WriteFileAtomically(options_.report, ToHtml(record_)));
    return {};
  }

  const OptimizeOptions& options_;
  ThreadPool pool_;
  OptimizeRecord record_;
  OptimizeInputs in_;
  std::optional<BaseNetwork> base_;        // another one that is reduced; none: the original
  std::vector<KeptFraction> kept_before_;  // by layer: in earlier rounds
  ChosenFormat format_;
  CurvesByLoss curves_;
  std::optional<Candidate> candidate_;
  std::vector<std::string> reasons_;  // by layer: why it is not cut into finer groups
  std::optional<Graph> written_;
};

}  // namespace

Result<OptimizeRecord> Optimize(const OptimizeOptions& options) { return Optimizer(options).Run(); }

}  // namespace deftnn
