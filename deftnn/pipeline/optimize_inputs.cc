#include "deftnn/pipeline/optimize_inputs.h"

#include <algorithm>
#include <cmath>
#include <filesystem>

#include "deftnn/base/file.h"
#include "deftnn/ndf/apply_format.h"
#include "deftnn/pipeline/check_writable.h"
#include "deftnn/pipeline/feed.h"
#include "deftnn/pipeline/merge_statistics.h"
#include "deftnn/pipeline/network_id.h"
#include "deftnn/pipeline/processes.h"

namespace deftnn {
namespace {

constexpr double kFewestRows = 16384;
constexpr int64_t kFewestPositions = 2, kMostPositions = 256;
constexpr double kMostGramMacs = 4e11, kMostTargetBytes = 1e9;

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

class Opener {
 public:
  Opener(const OptimizeOptions& options, int threads) : options_(options), threads_(threads) {}

  Result<OptimizeInputs> Run() {
    DEFTNN_RETURN_IF_ERROR(Open());
    return std::move(in_);
  }

 private:
  Status Open() {
    for (const std::string& path :
         {options_.output, options_.report, options_.json, options_.costs}) {
      DEFTNN_RETURN_IF_ERROR(CheckWritable(path));
    }
    DEFTNN_RETURN_IF_ERROR(CheckRounds());
    DEFTNN_ASSIGN_OR_RETURN(in_.model, LoadModel(options_.model));
    DEFTNN_ASSIGN_OR_RETURN(
        const Dataset calibration,
        OpenDataFor(in_.model.graph, options_.calibration, Labelled(options_.evaluation.empty())));
    std::optional<Dataset> evaluation;
    if (!options_.evaluation.empty()) {
      DEFTNN_ASSIGN_OR_RETURN(evaluation,
                              OpenDataFor(in_.model.graph, options_.evaluation, options_.common));
    }
    DEFTNN_ASSIGN_OR_RETURN(in_.splits,
                            Split(calibration, evaluation, BatchFor(in_.model.graph, 1), options_));
    const bool labels = in_.splits.report.has_labels() && in_.splits.selection.has_labels();
    auto yardstick = ChooseYardstick(options_.metric, options_.metric_command, labels);
    if (!yardstick.ok()) return yardstick.status().WithFile(ReportFile(options_));
    in_.yardstick = std::move(yardstick).value();
    if (in_.splits.selection.size() < kFewSelection) {
      in_.warnings.push_back(fmt::format("only {} samples to choose on: the choice is uncertain",
                                         in_.splits.selection.size()));
    }
    DEFTNN_ASSIGN_OR_RETURN(in_.original.session, OpenSession(in_.model, options_.common.threads));
    DEFTNN_RETURN_IF_ERROR(ReadCosts());
    DEFTNN_RETURN_IF_ERROR(Join());
    // Weights that a .deft keeps in 16 bits are worked on as the float32 numbers that they stand
    // for.
    DEFTNN_ASSIGN_OR_RETURN(in_.model.graph, ApplyFormat(in_.model.graph, Format::kFp32));
    DEFTNN_ASSIGN_OR_RETURN(in_.original, OpenBase(in_.model.graph, options_.common.batch,
                                                   in_.original.session->isa(), threads_));
    if (in_.original.layers.empty())
      return Error("has no product with constant weights to optimise").WithFile(options_.model);
    for (const Layer& layer : in_.original.layers) {
      if (layer.kept_k == layer.full_k) continue;
      return Error("was reduced before: keeps {} of {} entries of K", layer.kept_k, layer.full_k)
          .WithFile(options_.model)
          .WithNode(layer.name)
          .WithHint("reduce the original network further, or train this one with deftnn tune");
    }
    // A few samples then show that the network runs and that the labels fit.
    if (GivesAll(options_)) {
      in_.splits.selection = in_.splits.selection.Slice(
          0, std::min(in_.splits.selection.size(), BatchFor(in_.model.graph, kFewSelection)));
    }
    auto outputs = RunOver(*in_.original.session, in_.splits.selection);
    if (!outputs.ok()) return outputs.status().WithFile(options_.model);
    in_.selection_reference = std::move(outputs).value();
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
    DEFTNN_ASSIGN_OR_RETURN(in_.group, JoinProcesses());
    if (in_.group == nullptr) return {};
    DEFTNN_RETURN_IF_ERROR(CheckSame(*in_.group, "the instruction set",
                                     std::string(NameOf(in_.original.session->isa()))));
    std::string costs;
    if (!options_.costs.empty() && std::filesystem::exists(options_.costs)) {
      DEFTNN_ASSIGN_OR_RETURN(costs, ReadFile(options_.costs));
    }
    DEFTNN_RETURN_IF_ERROR(CheckSame(*in_.group, "the cost table", costs));
    DEFTNN_ASSIGN_OR_RETURN(const std::string network, NetworkId(in_.model.graph));
    DEFTNN_RETURN_IF_ERROR(CheckSame(*in_.group, "the network", network));
    in_.costs->AgreeBy([group = in_.group.get()](double value) { return Agreed(*group, value); });
    return {};
  }

  // This process's samples for statistics, and which they are.
  Status TakeShare() {
    in_.statistics_count = in_.splits.statistics.size();
    in_.sampling = {
        options_.common.seed,
        PositionsFor(in_.statistics_count, in_.original.layers, options_.calibration_rows), 32};
    if (in_.group == nullptr) return {};
    DEFTNN_ASSIGN_OR_RETURN(const Share share,
                            ShareOf(in_.statistics_count, BatchFor(in_.model.graph, 1),
                                    {in_.group->rank(), in_.group->size(), "", 0}));
    in_.splits.statistics = in_.splits.statistics.Slice(share.begin, share.count);
    in_.sampling.first_sample = share.begin;
    in_.sampling.group = in_.group.get();
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
      data = WithoutJudges(calibration, in_.splits, options_.evaluation.empty());
    } else {
      DEFTNN_ASSIGN_OR_RETURN(data, OpenDataFor(in_.model.graph, options.data, Labelled(false)));
    }
    FineTuner::Setting setting;
    setting.options = options;
    setting.seed = options_.common.seed;
    setting.threads = threads_;
    setting.classes = ReadsClasses(in_.yardstick, in_.selection_reference);
    setting.teacher = options.distill ? in_.original.session.get() : nullptr;
    setting.checkpoint = CheckpointOf(options, options_.output);
    setting.group = in_.group.get();
    DEFTNN_ASSIGN_OR_RETURN(in_.tuner,
                            FineTuner::Create(in_.model.graph, data, std::move(setting)));
    return {};
  }

  // Wrong labels are said now, those of the report too, though it is scored at the end.
  Status ScoreOriginal() {
    if (in_.yardstick.needs_labels()) {
      DEFTNN_RETURN_IF_ERROR(CheckLabels(in_.selection_reference, in_.splits.selection)
                                 .WithFile(options_.calibration));
      DEFTNN_RETURN_IF_ERROR(
          CheckLabels(in_.selection_reference, in_.splits.report).WithFile(ReportFile(options_)));
    }
    auto score = ScoreOutputs(in_.selection_reference, &in_.selection_reference,
                              in_.splits.selection, in_.yardstick, OutputNames(in_.model.graph));
    if (!score.ok()) return score.status().WithFile(options_.calibration);
    in_.selection_score = std::move(score).value();
    return {};
  }

  // --labels belongs to the evaluation data when there is some.
  CommonOptions Labelled(bool keep) const {
    CommonOptions common = options_.common;
    if (!keep) common.labels.clear();
    return common;
  }

  // A table that cannot be used is refused before the work begins.
  Status ReadCosts() {
    in_.costs = std::make_unique<CostTable>(in_.original.session->isa());
    if (options_.costs.empty() || !std::filesystem::exists(options_.costs)) return {};
    return in_.costs->Read(options_.costs);
  }

  const OptimizeOptions& options_;
  const int threads_;
  OptimizeInputs in_;
};

}  // namespace

const std::string& ReportFile(const OptimizeOptions& options) {
  return options.evaluation.empty() ? options.calibration : options.evaluation;
}

Result<OptimizeInputs> OpenInputs(const OptimizeOptions& options, int threads) {
  return Opener(options, threads).Run();
}

}  // namespace deftnn
