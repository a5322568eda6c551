#include "deftnn/pipeline/search.h"

#include <algorithm>
#include <cmath>

#include "deftnn/base/log.h"
#include "deftnn/pipeline/feed.h"
#include "deftnn/pipeline/latency.h"

namespace deftnn {
namespace {

constexpr int kProbes = 5;                         // candidates that a search makes at most
constexpr int kFewestJudged = 3, kMostJudged = 5;  // candidates of a search for a drop
constexpr int kMostTried = 9;                      // where none of those is within what is allowed
constexpr double kLeastRatio = 1.05;               // below it there is nothing to win
constexpr double kDownwards = 0.8;                 // of an error, where all so far lost too much
constexpr double kPowerOfDistance = 0.5, kLeastPower = 0.3, kMostPower = 3;  // of loss over error
constexpr int kRatioSteps = 16;           // in which the ratio of an error is found
constexpr double kMarginErrors = 0.5;     // standard errors that the expected drop stays below
constexpr double kCloseEnough = 0.8;      // of the drop that is aimed at
constexpr double kOvershoot = 1.05;       // of a goal, that is let pass
constexpr double kLeastStep = 1.02;       // between the ratios of two candidates
constexpr double kFirstTunedRatio = 4.5;  // where candidates are trained
constexpr double kLargestCostRatio = 24.0;
constexpr double kCandidateSeconds = 0.4;
constexpr double kMostLoss = 100;      // nats; more than any that is of use, and finite
constexpr double kLeastFactor = 1e-6;  // of a law, whose inverse is taken
constexpr double kLeastLoss = 1e-12;   // whose logarithm is taken
constexpr double kNear = 4;            // times what is allowed, that the law goes by

Result<double> SpeedupOf(const SearchSetting& setting, const Candidate& candidate) {
  DEFTNN_ASSIGN_OR_RETURN(const std::unique_ptr<Session> session,
                          OpenCandidate(setting, candidate));
  const std::vector<Tensor> inputs = RandomInputs(candidate.reduced.graph, setting.batch, 1);
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

// The largest ratio at which the allocator expects no more than `error`, moved away from those that
// were tried already.
double RatioOfError(const Allocator& allocator, double error, const std::vector<double>& tried) {
  const double dense = allocator.DenseCost();
  double low = 1.0, high = kLargestCostRatio;
  for (int step = 0; step < kRatioSteps; ++step) {
    const double middle = std::sqrt(low * high);
    (allocator.Error(allocator.Within(dense / middle)) <= error ? low : high) = middle;
  }
  const auto known = [&] {
    return std::any_of(tried.begin(), tried.end(), [&](double one) {
      return std::max(low, one) < kLeastStep * std::min(low, one);
    });
  };
  while (low > kLeastStep && known()) low /= kLeastStep;
  return low;
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
    const Recipe recipe = setting.allocator->Within(setting.allocator->DenseCost() / ratio);
    DEFTNN_ASSIGN_OR_RETURN(Candidate candidate, MakeCandidate(setting, recipe));
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
  DEFTNN_ASSIGN_OR_RETURN(tuned.reduced.graph, setting.tune_briefly(candidate));
  return JudgeCandidate(setting, tuned, &loss);
}

}  // namespace

Result<double> CostRatioFor(const SearchSetting& setting, double goal) {
  DEFTNN_ASSIGN_OR_RETURN(const double already,
                          MacsRatio(setting.original.graph(), setting.base.graph()));
  return std::max(1.0, goal / already);
}

Result<Candidate> MakeCandidate(const SearchSetting& setting, const Recipe& recipe) {
  if (setting.made && setting.made->recipe == recipe) return *setting.made;
  Candidate candidate;
  candidate.recipe = recipe;
  ReduceOptions options = setting.reduce;
  options.format = recipe.format;
  DEFTNN_ASSIGN_OR_RETURN(
      candidate.reduced,
      ReduceNetwork(setting.base, setting.layers, setting.allocator->Cuts(recipe.kept),
                    setting.statistics_data, setting.targets, options, setting.pool));
  DEFTNN_ASSIGN_OR_RETURN(candidate.macs_ratio,
                          MacsRatio(setting.original.graph(), candidate.reduced.graph));
  return candidate;
}

Result<std::unique_ptr<Session>> OpenCandidate(const SearchSetting& setting,
                                               const Candidate& candidate) {
  return Session::Create(
      candidate.reduced.graph, candidate.recipe.format,
      {.threads = setting.original.threads(), .isa = setting.original.isa(), .packed = nullptr});
}

Result<Drop> JudgeCandidate(const SearchSetting& setting, const Candidate& candidate,
                            double* loss) {
  DEFTNN_ASSIGN_OR_RETURN(const std::unique_ptr<Session> session,
                          OpenCandidate(setting, candidate));
  DEFTNN_ASSIGN_OR_RETURN(const Outputs outputs, RunOver(*session, setting.selection));
  const std::vector<std::string> names = OutputNames(session->graph());
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

DropLaw FitDropLaw(const std::vector<Judgement>& candidates, double points) {
  const auto near = [&](const Judgement& one) { return one.drop <= kNear * points; };
  const bool any_near = std::any_of(candidates.begin(), candidates.end(), near);
  double products = 0, squares = 0;
  for (const Judgement& one : candidates) {
    if (any_near && !near(one)) continue;
    products += one.loss * one.drop;
    squares += one.loss * one.loss;
  }
  return {std::max(squares > 0 ? products / squares : 0.0, kLeastFactor)};
}

double ErrorToTry(const std::vector<Judgement>& judged, const DropLaw& law, double limit,
                  double power) {
  std::vector<Judgement> rising = judged;
  std::sort(rising.begin(), rising.end(),
            [](const Judgement& a, const Judgement& b) { return a.error < b.error; });
  const double allowed = std::max(law.LossFor(limit), kLeastLoss);
  // Those up to the last one that is within what is allowed.
  const auto last = std::find_if(rising.rbegin(), rising.rend(), [&](const Judgement& one) {
    return !one.too_much && one.loss <= allowed;
  });
  const auto within = std::distance(last, rising.rend());
  // Two neighbours of what is allowed, or the outermost two.
  const auto count = std::ssize(rising);
  const Judgement& upper =
      rising[std::clamp<std::ptrdiff_t>(within, std::min<std::ptrdiff_t>(1, count - 1), count - 1)];
  const Judgement& lower = rising[std::max<std::ptrdiff_t>(0, &upper - rising.data() - 1)];
  const auto log_error = [](const Judgement& one) {
    return std::log(std::max(one.error, kLeastLoss));
  };
  const auto log_loss = [](const Judgement& one) {
    return std::log(std::max(one.loss, kLeastLoss));
  };
  const double step = log_error(upper) - log_error(lower);
  if (step > 0)
    power = std::clamp((log_loss(upper) - log_loss(lower)) / step, kLeastPower, kMostPower);
  const Judgement& nearest = within == 0 ? lower : within == count ? upper : lower;
  double x = log_error(nearest) + (std::log(allowed) - log_loss(nearest)) / power;
  if (within > 0 && within < count) x = std::clamp(x, log_error(lower), log_error(upper));
  if (within == 0 && count > 1) x = std::min(x, log_error(lower)) + std::log(kDownwards);
  return std::exp(x);
}

Result<Candidate> SearchMaxDrop(const SearchSetting& setting, double points) {
  const Allocator& allocator = *setting.allocator;
  // A distance is of first order in what is changed, a divergence of second, as errors are.
  const double power =
      ReadsClasses(setting.yardstick, setting.selection_reference) ? 1.0 : kPowerOfDistance;
  std::vector<Judgement> judged;
  std::vector<double> ratios;
  std::vector<Candidate> candidates;
  DropLaw law{};
  double limit = points, ratio = setting.tune_briefly ? kFirstTunedRatio : kFirstCostRatio;
  int best = -1;
  for (int probe = 0; probe < (best < 0 ? kMostTried : kMostJudged); ++probe) {
    const Recipe recipe = allocator.Within(allocator.DenseCost() / ratio);
    DEFTNN_ASSIGN_OR_RETURN(Candidate candidate, MakeCandidate(setting, recipe));
    Judgement judgement{.error = allocator.Error(recipe)};
    DEFTNN_ASSIGN_OR_RETURN(const Drop drop, JudgeTuned(setting, candidate, judgement.loss));
    judgement.loss = std::min(judgement.loss, kMostLoss);
    judgement.drop = drop.points;
    judgement.too_much = drop.points - kSureErrors * drop.standard_error > points;
    spdlog::info(
        "cost ratio {:.2f}: {:.2f}x fewer multiply-adds, {:+.2f} points (standard error {:.2f}), "
        "loss {:.4f}",
        ratio, candidate.macs_ratio, -drop.points, drop.standard_error, judgement.loss);
    judged.push_back(judgement);
    ratios.push_back(ratio);
    candidates.push_back(std::move(candidate));
    law = FitDropLaw(judged, points);
    limit = std::max(0.5 * points, points - kMarginErrors * drop.standard_error);
    best = -1;
    for (size_t i = 0; i < judged.size(); ++i) {
      if (judged[i].too_much) continue;
      if (law.DropAt(judged[i].loss) <= limit && (best < 0 || ratios[i] > ratios[best]))
        best = static_cast<int>(i);
    }
    const bool close = best >= 0 && law.DropAt(judged[best].loss) >= kCloseEnough * limit;
    if (probe + 1 >= kFewestJudged && close) break;
    ratio = RatioOfError(allocator, ErrorToTry(judged, law, limit, power), ratios);
    if (best < 0 && ratio < kLeastRatio) break;
  }
  spdlog::info("{:+.2f} points are expected at a loss of {:.4f}: {}", -limit, law.LossFor(limit),
               best < 0
                   ? "no candidate is within what is allowed"
                   : fmt::format("the one of cost ratio {:.2f}, {:+.2f} points expected, is taken",
                                 ratios[best], -law.DropAt(judged[best].loss)));
  if (best >= 0) return std::move(candidates[best]);
  return MakeCandidate(setting, allocator.Dense());
}

Result<Candidate> SearchMacs(const SearchSetting& setting, double ratio) {
  return SearchUntil(
      setting, ratio, "fewer multiply-adds",
      [](const Candidate& candidate) -> Result<double> { return candidate.macs_ratio; });
}

Result<Candidate> SearchSpeedup(const SearchSetting& setting, double speedup) {
  return SearchUntil(setting, speedup, "faster",
                     [&](const Candidate& candidate) { return SpeedupOf(setting, candidate); });
}

}  // namespace deftnn
