#include "deftnn/pipeline/search.h"

#include <algorithm>
#include <cmath>

#include "deftnn/base/log.h"
#include "deftnn/ndf/apply_format.h"
#include "deftnn/pipeline/feed.h"
#include "deftnn/pipeline/latency.h"

namespace deftnn {
namespace {

constexpr int kProbes = 5;                         // candidates that a search makes at most
constexpr int kFewestJudged = 3, kMostJudged = 5;  // candidates of a search for a drop
constexpr int kMostTried = 9;                      // where none of those is within what is allowed
constexpr double kLeastRatio = 1.05;               // below it there is nothing to win
constexpr double kDownwards = 0.9;        // of a ratio's logarithm, where all so far lost too much
constexpr double kMarginErrors = 0.5;     // standard errors that the expected drop stays below
constexpr double kCloseEnough = 0.8;      // of the drop that is aimed at
constexpr double kOvershoot = 1.05;       // of a goal, that is let pass
constexpr double kLeastStep = 1.02;       // between the ratios of two candidates
constexpr double kFirstTunedRatio = 4.5;  // where candidates are trained
constexpr double kLargestCostRatio = 24.0;
constexpr double kCandidateSeconds = 0.4;
constexpr double kMostLoss = 100;      // nats; more than any that is of use, and finite
constexpr double kLeastFactor = 1e-6;  // of a law, whose inverse is taken

Result<double> SpeedupOf(const SearchSetting& setting, const Graph& reduced) {
  DEFTNN_ASSIGN_OR_RETURN(const Graph formatted, ApplyFormat(reduced, setting.format));
  DEFTNN_ASSIGN_OR_RETURN(const std::unique_ptr<Session> session,
                          Session::Create(formatted, {.threads = setting.original.threads(),
                                                      .isa = setting.original.isa(),
                                                      .packed = nullptr}));
  const std::vector<Tensor> inputs = RandomInputs(reduced, setting.batch, 1);
  DEFTNN_ASSIGN_OR_RETURN(const std::vector<Latency> latencies,
                          MeasureInterleaved({{&setting.original, inputs}, {session.get(), inputs}},
                                             {.seconds = kCandidateSeconds, .iterations = 0}));
  const double speedup = latencies[0].median_ms / latencies[1].median_ms;
  return setting.agreed ? setting.agreed(speedup) : speedup;
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

// The ratio that is aimed at, moved away from those that were tried already.
double NextRatio(const std::vector<Judgement>& judged, double aim) {
  double ratio = std::clamp(aim, 1.0, kLargestCostRatio);
  const auto tried = [&] {
    return std::any_of(judged.begin(), judged.end(), [&](const Judgement& one) {
      return std::max(ratio, one.ratio) < kLeastStep * std::min(ratio, one.ratio);
    });
  };
  while (ratio > kLeastStep && tried()) ratio /= kLeastStep;
  return ratio;
}

// Below all that were tried, each of which loses too much: the law of all of them may be too kind
// to small ratios, so the lowest one's own loss counts, and more than the least step is taken.
double RatioBelow(const std::vector<Judgement>& judged, const DropLaw& law, double limit) {
  const Judgement& lowest =
      *std::min_element(judged.begin(), judged.end(),
                        [](const Judgement& a, const Judgement& b) { return a.ratio < b.ratio; });
  const double expected = std::max(law.DropAt(lowest.loss), limit);
  return std::exp(kDownwards * std::log(lowest.ratio) * std::sqrt(limit / expected));
}

// Moves the allocator's cost ratio until `reached` says that the goal is met, and not exceeded by
// far: what goes for free is not in the allocator's costs, and accuracy is not for giving away.
template <typename Reached>
Result<Candidate> SearchUntil(const SearchSetting& setting, double goal, const std::string& what,
                              Reached reached) {
  DEFTNN_ASSIGN_OR_RETURN(double ratio, CostRatioFor(setting, goal));
  double best = 0;
  double missed = 1, met = 0, least = 0;  // ratios on either side of the goal; what `met` got
  std::optional<Candidate> nearest;       // of ratio `met`
  for (int probe = 0; probe < kProbes; ++probe) {
    const auto kept = setting.allocator->Within(setting.allocator->DenseCost() / ratio);
    DEFTNN_ASSIGN_OR_RETURN(Candidate candidate, MakeCandidate(setting, kept));
    DEFTNN_ASSIGN_OR_RETURN(const double got, reached(candidate));
    spdlog::info("cost ratio {:.2f}: {:.2f}x {}", ratio, got, what);
    best = std::max(best, got);
    if (got < goal) {
      missed = std::max(missed, ratio);
    } else if (!nearest || got < least) {
      nearest = std::move(candidate);
      met = ratio;
      least = got;
    } else {
      break;  // it gave nothing back
    }
    if (!nearest) {
      ratio *= std::max(1.03, std::pow(goal / got, 1.1));
      continue;
    }
    if (least <= kOvershoot * goal || met <= kLeastStep * missed) break;
    ratio = std::max(met * goal / least, std::sqrt(missed * met));
  }
  if (nearest) return std::move(*nearest);
  return Error("{:.2f}x {} cannot be reached; {:.2f}x can", goal, what, best)
      .WithHint("a lower goal");
}

// What the candidate loses once it is trained, where it will be.
Result<Drop> JudgeTuned(const SearchSetting& setting, const Candidate& candidate, double& loss) {
  if (!setting.tune_briefly) return JudgeCandidate(setting, candidate, &loss);
  Candidate tuned = candidate;
  DEFTNN_ASSIGN_OR_RETURN(tuned.reduced.graph, setting.tune_briefly(candidate.reduced.graph));
  return JudgeCandidate(setting, tuned, &loss);
}

}  // namespace

Result<double> CostRatioFor(const SearchSetting& setting, double goal) {
  DEFTNN_ASSIGN_OR_RETURN(const double already,
                          MacsRatio(setting.original.graph(), setting.base.graph()));
  return std::max(1.0, goal / already);
}

Result<Candidate> MakeCandidate(const SearchSetting& setting,
                                const std::vector<KeptFraction>& kept) {
  if (setting.made && setting.made->kept == kept) return *setting.made;
  Candidate candidate;
  candidate.kept = kept;
  DEFTNN_ASSIGN_OR_RETURN(
      candidate.reduced,
      ReduceNetwork(setting.base, setting.layers, setting.allocator->Cuts(kept),
                    setting.statistics_data, setting.targets, setting.reduce, setting.pool));
  DEFTNN_ASSIGN_OR_RETURN(candidate.macs_ratio,
                          MacsRatio(setting.original.graph(), candidate.reduced.graph));
  return candidate;
}

Result<Drop> JudgeCandidate(const SearchSetting& setting, const Candidate& candidate,
                            double* loss) {
  DEFTNN_ASSIGN_OR_RETURN(const Graph formatted,
                          ApplyFormat(candidate.reduced.graph, setting.format));
  DEFTNN_ASSIGN_OR_RETURN(const std::unique_ptr<Session> session,
                          Session::Create(formatted, {.threads = setting.original.threads(),
                                                      .isa = setting.original.isa(),
                                                      .packed = nullptr}));
  DEFTNN_ASSIGN_OR_RETURN(const Outputs outputs, RunOver(*session, setting.selection));
  const std::vector<std::string> names = OutputNames(formatted);
  DEFTNN_ASSIGN_OR_RETURN(const Drop drop,
                          DropOf(outputs, setting.selection_reference, setting.selection_score,
                                 setting.selection, setting.yardstick, names));
  if (loss == nullptr) return drop;
  if (ReadsClasses(setting.yardstick, setting.selection_reference)) {
    DEFTNN_ASSIGN_OR_RETURN(*loss, MeanKl(setting.selection_reference, outputs));
  } else {
    *loss = std::max(0.0, drop.points);
  }
  return drop;
}

double DropLaw::RatioFor(double points) const {
  return std::exp(std::sqrt(std::max(0.0, points) / (drop_factor * loss_factor)));
}

DropLaw FitDropLaw(const std::vector<Judgement>& candidates) {
  const auto slope = [&](auto x, auto y) {
    double products = 0, squares = 0;
    for (const Judgement& one : candidates) {
      products += x(one) * y(one);
      squares += x(one) * x(one);
    }
    return std::max(squares > 0 ? products / squares : 0.0, kLeastFactor);
  };
  const auto growth = [](const Judgement& one) { return std::pow(std::log(one.ratio), 2); };
  const auto loss = [](const Judgement& one) { return one.loss; };
  const auto drop = [](const Judgement& one) { return one.drop; };
  return {slope(growth, loss), slope(loss, drop)};
}

double RatioToTry(const std::vector<Judgement>& judged, const DropLaw& law, double limit,
                  bool found) {
  const double by_law = law.RatioFor(limit);
  return found || judged.size() < 2 ? by_law : std::min(by_law, RatioBelow(judged, law, limit));
}

Result<Candidate> SearchMaxDrop(const SearchSetting& setting, double points) {
  std::vector<Judgement> judged;
  std::vector<Candidate> candidates;
  DropLaw law{};
  double limit = points, ratio = setting.tune_briefly ? kFirstTunedRatio : kFirstCostRatio;
  int best = -1;
  for (int probe = 0; probe < (best < 0 ? kMostTried : kMostJudged); ++probe) {
    const auto kept = setting.allocator->Within(setting.allocator->DenseCost() / ratio);
    DEFTNN_ASSIGN_OR_RETURN(Candidate candidate, MakeCandidate(setting, kept));
    Judgement judgement{.ratio = ratio};
    DEFTNN_ASSIGN_OR_RETURN(const Drop drop, JudgeTuned(setting, candidate, judgement.loss));
    judgement.loss = std::min(judgement.loss, kMostLoss);
    judgement.drop = drop.points;
    judgement.too_much = drop.points - kSureErrors * drop.standard_error > points;
    spdlog::info(
        "cost ratio {:.2f}: {:.2f}x fewer multiply-adds, {:+.2f} points (standard error {:.2f}), "
        "loss {:.4f}",
        ratio, candidate.macs_ratio, -drop.points, drop.standard_error, judgement.loss);
    judged.push_back(judgement);
    candidates.push_back(std::move(candidate));
    law = FitDropLaw(judged);
    limit = std::max(0.5 * points, points - kMarginErrors * drop.standard_error);
    best = -1;
    for (size_t i = 0; i < judged.size(); ++i) {
      if (judged[i].too_much) continue;
      if (law.DropAt(judged[i].loss) <= limit && (best < 0 || judged[i].ratio > judged[best].ratio))
        best = static_cast<int>(i);
    }
    const bool close = best >= 0 && law.DropAt(judged[best].loss) >= kCloseEnough * limit;
    if (probe + 1 >= kFewestJudged && close) break;
    ratio = NextRatio(judged, RatioToTry(judged, law, limit, best >= 0));
    if (best < 0 && ratio < kLeastRatio) break;
  }
  spdlog::info("all candidates together expect {:+.2f} points at cost ratio {:.2f}: {}", -limit,
               law.RatioFor(limit),
               best < 0 ? "none is within what is allowed"
                        : fmt::format("the one of {:.2f}, {:+.2f} points expected, is taken",
                                      judged[best].ratio, -law.DropAt(judged[best].loss)));
  if (best >= 0) return std::move(candidates[best]);
  return MakeCandidate(setting, setting.allocator->Dense());
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
