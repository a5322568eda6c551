#include "deftnn/pipeline/search.h"

#include <algorithm>
#include <cmath>

#include "deftnn/base/log.h"
#include "deftnn/ndf/apply_format.h"
#include "deftnn/pipeline/feed.h"
#include "deftnn/pipeline/latency.h"

namespace deftnn {
namespace {

constexpr int kProbes = 5;  // candidates that a search makes at most
constexpr int kDropProbes = 4;
constexpr double kMarginErrors =
    0.5;  // standard errors that a drop must stay below what is allowed by
constexpr double kFirstCostRatio = 2.5;  // of the first one
constexpr double kLargestCostRatio = 24.0;
constexpr double kLatencySeconds = 0.4;

Result<double> SpeedupOf(const SearchSetting& setting, const Graph& reduced) {
  DEFTNN_ASSIGN_OR_RETURN(const Graph formatted, ApplyFormat(reduced, setting.format));
  DEFTNN_ASSIGN_OR_RETURN(const std::unique_ptr<Session> session,
                          Session::Create(formatted, {.threads = setting.original.threads(),
                                                      .isa = setting.original.isa(),
                                                      .packed = nullptr}));
  const std::vector<Tensor> inputs = RandomInputs(reduced, setting.batch, 1);
  DEFTNN_ASSIGN_OR_RETURN(const std::vector<Latency> latencies,
                          MeasureInterleaved({{&setting.original, inputs}, {session.get(), inputs}},
                                             {.seconds = kLatencySeconds, .iterations = 0}));
  return latencies[0].median_ms / latencies[1].median_ms;
}

Result<double> MacsRatio(const Graph& original, const Graph& reduced) {
  const auto macs = [](const Graph& graph) -> Result<double> {
    DEFTNN_ASSIGN_OR_RETURN(const auto infos, InferShapes(graph, DefaultInputs(graph)));
    return static_cast<double>(NetworkMacs(graph, infos));
  };
  DEFTNN_ASSIGN_OR_RETURN(const double before, macs(original));
  DEFTNN_ASSIGN_OR_RETURN(const double after, macs(reduced));
  return before / std::max(after, 1.0);
}

// Raises the allocator's cost ratio until `reached` says that the goal is met.
template <typename Reached>
Result<Candidate> SearchUntil(const SearchSetting& setting, double goal, const std::string& what,
                              Reached reached) {
  double ratio = goal, best = 0;
  for (int probe = 0; probe < kProbes; ++probe) {
    const auto kept = setting.allocator.Within(setting.allocator.DenseCost() / ratio);
    DEFTNN_ASSIGN_OR_RETURN(Candidate candidate, MakeCandidate(setting, kept));
    DEFTNN_ASSIGN_OR_RETURN(const double got, reached(candidate));
    spdlog::info("cost ratio {:.2f}: {:.2f}x {}, {:+.2f} points", ratio, got, what,
                 -candidate.drop);
    if (got >= goal) return candidate;
    best = std::max(best, got);
    ratio *= std::max(1.03, std::pow(goal / got, 1.1));
  }
  return Error("{:.2f}x {} cannot be reached; {:.2f}x can", goal, what, best)
      .WithHint("a lower goal");
}

}  // namespace

Result<Candidate> MakeCandidate(const SearchSetting& setting,
                                const std::vector<KeptFraction>& kept) {
  Candidate candidate;
  candidate.kept = kept;
  DEFTNN_ASSIGN_OR_RETURN(candidate.reduced, ReduceNetwork(setting.original, setting.layers, kept,
                                                           setting.statistics_data, setting.targets,
                                                           setting.reduce, setting.pool));
  DEFTNN_ASSIGN_OR_RETURN(candidate.macs_ratio,
                          MacsRatio(setting.original.graph(), candidate.reduced.graph));
  DEFTNN_ASSIGN_OR_RETURN(const Graph formatted,
                          ApplyFormat(candidate.reduced.graph, setting.format));
  DEFTNN_ASSIGN_OR_RETURN(const std::unique_ptr<Session> session,
                          Session::Create(formatted, {.threads = setting.original.threads(),
                                                      .isa = setting.original.isa(),
                                                      .packed = nullptr}));
  DEFTNN_ASSIGN_OR_RETURN(const Outputs outputs, RunOver(*session, setting.selection));
  std::vector<std::string> names;
  for (ValueId id : formatted.outputs()) names.push_back(formatted.value(id).name);
  DEFTNN_ASSIGN_OR_RETURN(const Score score,
                          ScoreOutputs(outputs, &setting.selection_reference, setting.selection,
                                       setting.yardstick, names));
  if (score.per_sample.empty()) {
    candidate.drop = setting.selection_score.value - score.value;
    return candidate;
  }
  const Drop drop = PairedDrop(setting.selection_score.per_sample, score.per_sample,
                               setting.yardstick.higher_is_better());
  candidate.drop = drop.points;
  candidate.drop_standard_error = drop.standard_error;
  return candidate;
}

Result<Candidate> SearchMaxDrop(const SearchSetting& setting, double points) {
  // The drop grows about with the square of the logarithm of the cost ratio, from nothing at 1:
  // each probe goes where that curve, through the last one, meets what is allowed, but stays
  // between the probes that were within it and those that were not.
  double low = 1.0, high = kLargestCostRatio, ratio = kFirstCostRatio;
  std::optional<Candidate> best;
  for (int probe = 0; probe < kDropProbes && high / low > 1.05; ++probe) {
    const auto kept = setting.allocator.Within(setting.allocator.DenseCost() / ratio);
    DEFTNN_ASSIGN_OR_RETURN(Candidate candidate, MakeCandidate(setting, kept));
    const double margin = kMarginErrors * candidate.drop_standard_error;
    const bool within = candidate.drop + margin <= points;
    spdlog::info(
        "cost ratio {:.2f}: {:.2f}x fewer multiply-adds, {:+.2f} points (standard error {:.2f}){}",
        ratio, candidate.macs_ratio, -candidate.drop, candidate.drop_standard_error,
        within ? "" : ", too much");
    const double aim = std::max(0.8 * points, points - margin);
    const double reach =
        std::log(ratio) * std::sqrt(std::clamp(aim / std::max(candidate.drop, 0.02), 0.1, 4.0));
    if (within) {
      low = ratio;
      best = std::move(candidate);
    } else {
      high = ratio;
    }
    ratio = std::clamp(std::exp(reach), low * 1.02, high / 1.02);
  }
  if (best) return std::move(*best);
  return MakeCandidate(setting, setting.allocator.Dense());
}

Result<Candidate> SearchMacs(const SearchSetting& setting, double ratio) {
  return SearchUntil(
      setting, ratio, "fewer multiply-adds",
      [](const Candidate& candidate) -> Result<double> { return candidate.macs_ratio; });
}

Result<Candidate> SearchSpeedup(const SearchSetting& setting, double speedup) {
  return SearchUntil(setting, speedup, "faster", [&](const Candidate& candidate) {
    return SpeedupOf(setting, candidate.reduced.graph);
  });
}

}  // namespace deftnn
