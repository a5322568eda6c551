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
constexpr int kDropProbes = 5;
// Standard errors that the expected drop stays below what is allowed by: where the search aims, and
// what it takes.
constexpr double kAimErrors = 0.5, kMarginErrors = 0.25;
constexpr double kCloseEnough = 1.04;    // ratios so near to each other are not told apart
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
    spdlog::info("cost ratio {:.2f}: {:.2f}x {}", ratio, got, what);
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
  return candidate;
}

Result<Drop> JudgeCandidate(const SearchSetting& setting, const Candidate& candidate) {
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
  const bool higher_is_better = setting.yardstick.higher_is_better();
  if (score.per_sample.empty()) {
    const double gone = setting.selection_score.value - score.value;
    return Drop{higher_is_better ? gone : -gone, 0};
  }
  return PairedDrop(setting.selection_score.per_sample, score.per_sample, higher_is_better);
}

double DropLaw::Expect(double ratio) const {
  const double x = std::log(ratio) * std::log(ratio);
  return factor * x;
}

double DropLaw::RatioFor(double points) const {
  return std::exp(std::sqrt(std::max(0.0, points) / factor));
}

DropLaw FitDropLaw(const std::vector<DropPoint>& points) {
  double products = 0, squares = 0;
  for (const DropPoint& point : points) {
    const double x = std::log(point.ratio) * std::log(point.ratio);
    products += x * point.drop;
    squares += x * x;
  }
  return {std::max(squares > 0 ? products / squares : 0, 1e-3)};
}

Result<Candidate> SearchMaxDrop(const SearchSetting& setting, double points) {
  // One candidate's drop is noisy: which samples tip over is chance. The law through all probes is
  // less so, and it decides which ratio is within what is allowed.
  std::vector<DropPoint> seen;
  std::vector<Candidate> candidates;
  double ratio = kFirstCostRatio, error = 0;
  for (int probe = 0; probe < kDropProbes; ++probe) {
    const auto kept = setting.allocator.Within(setting.allocator.DenseCost() / ratio);
    DEFTNN_ASSIGN_OR_RETURN(Candidate candidate, MakeCandidate(setting, kept));
    DEFTNN_ASSIGN_OR_RETURN(const Drop drop, JudgeCandidate(setting, candidate));
    seen.push_back({ratio, drop.points});
    error = drop.standard_error;
    spdlog::info(
        "cost ratio {:.2f}: {:.2f}x fewer multiply-adds, {:+.2f} points (standard error {:.2f})",
        ratio, candidate.macs_ratio, -drop.points, error);
    candidates.push_back(std::move(candidate));
    const double aim =
        FitDropLaw(seen).RatioFor(std::max(0.5 * points, points - kAimErrors * error));
    const double next = std::clamp(aim, 1.0, kLargestCostRatio);
    const bool known = std::any_of(seen.begin(), seen.end(), [&](const DropPoint& point) {
      return std::max(next, point.ratio) / std::min(next, point.ratio) < kCloseEnough;
    });
    // Near an old probe, the next one tells about the law beside it; the last one is the aim.
    const bool last = probe + 2 == kDropProbes;
    ratio = known && !last ? std::max(1.0, next * (probe % 2 == 0 ? 1.08 : 0.93)) : next;
  }
  const DropLaw law = FitDropLaw(seen);
  const double limit = std::max(0.5 * points, points - kMarginErrors * error);
  int best = -1;
  for (size_t i = 0; i < seen.size(); ++i) {
    const bool within = law.Expect(seen[i].ratio) <= limit && seen[i].drop <= points;
    if (within && (best < 0 || seen[i].ratio > seen[best].ratio)) best = static_cast<int>(i);
  }
  spdlog::info("all probes together expect {:+.2f} points at cost ratio {:.2f}: {}", -limit,
               law.RatioFor(limit),
               best < 0 ? "no candidate is within what is allowed"
                        : fmt::format("the one of {:.2f} is taken", seen[best].ratio));
  if (best >= 0) return std::move(candidates[best]);
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
