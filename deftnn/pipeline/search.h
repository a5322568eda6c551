// Finds the reduced network that the goal asks for: candidates from the allocator, made
// sequentially, judged by what they really cost and lose.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "deftnn/pipeline/allocate.h"
#include "deftnn/pipeline/options.h"
#include "deftnn/pipeline/score.h"

namespace deftnn {

struct Candidate {
  Recipe recipe;
  Reduced reduced;        // fp32 weights
  double macs_ratio = 1;  // the original's multiply-adds over this one's
};

/// Of dense cost to budget, at which a search for a drop begins.
inline constexpr double kFirstCostRatio = 2.25;

/// What the search works on. Everything outlives it.
struct SearchSetting {
  Session& original;  // dense, fp32: what candidates are compared with
  Session& base;      // that is reduced: the original, or what came of an earlier round
  const std::vector<Layer>& layers;
  const Allocator* allocator;
  const Dataset& statistics_data;      // calibration samples
  const LayerTargets& targets;         // the base's, on them
  const Dataset& selection;            // judged on; seen by no statistic
  const Outputs& selection_reference;  // the original's outputs on it
  const Score& selection_score;        // the original's score on it
  const Yardstick& yardstick;
  ReduceOptions reduce;  // all but the format, which is the recipe's
  int64_t batch = 1;     // that latency is measured at
  ThreadPool& pool;
  /// Trains a candidate for a part of the time that the chosen one will be trained for; null where
  /// nothing is trained.
  std::function<Result<Graph>(const Candidate&)> tune_briefly = nullptr;
  /// What all processes take a measured value to be; null where there is but one.
  std::function<double(double)> agreed = nullptr;
  /// A candidate of this setting that was made already.
  std::optional<Candidate> made = std::nullopt;
};

/// What a candidate lost on the selection.
struct Judgement {
  double error = 0;  // the allocator's, of its recipe
  double loss = 0;   // mean KL divergence in nats, or the drop where the metric reads no classes
  double drop = 0;   // in points of the metric
  bool too_much = false;  // it surely loses more than is allowed, whatever the others say
};
/// The drop grows with the loss, because both are of second order in what is changed. The loss of a
/// candidate is nearly free of chance, its drop is not: which samples tip over is luck that the law
/// averages over the candidates.
struct DropLaw {
  double factor;
  double DropAt(double loss) const { return factor * loss; }
  double LossFor(double points) const { return points / factor; }
};
/// Least squares over the candidates through the origin, above 0. Those that lost many times the
/// `points` that are allowed are left out where others have not: far off, losses saturate.
DropLaw FitDropLaw(const std::vector<Judgement>& candidates, double points);

/// The allocator's error of the next candidate, where `limit` points may be lost by the law: where
/// the loss of those that were tried (at least one) passes what that allows. Loss is taken to grow
/// with a power of the error: the one that two neighbours show; where there is but one candidate,
/// `power`. Clearly below all that were tried where at least two were and each loses too much.
double ErrorToTry(const std::vector<Judgement>& judged, const DropLaw& law, double limit,
                  double power);

/// The allocator's cost ratio to start at for a goal of so many times less than the original: what
/// earlier rounds have cut is not cut again.
Result<double> CostRatioFor(const SearchSetting& setting, double goal);

/// Where candidates will be trained, what is judged is the candidate after a brief training: what
/// training wins back is spent on going further. The candidate itself is handed out untrained.
///
/// The fastest candidate that the law expects to lose no more than `points`
/// with half a standard error to spare; the one that keeps everything but what is free where there
/// is none.
Result<Candidate> SearchMaxDrop(const SearchSetting& setting, double points);
/// The least error at `ratio` times fewer multiply-adds. An error when the network cannot be cut so
/// far.
Result<Candidate> SearchMacs(const SearchSetting& setting, double ratio);
/// The least error at a latency of `dense_fp32_ms` / `speedup`. An error when it cannot be reached.
Result<Candidate> SearchSpeedup(const SearchSetting& setting, double speedup);

Result<Candidate> MakeCandidate(const SearchSetting& setting, const Recipe& recipe);
/// The candidate's network in its format, ready to run.
Result<std::unique_ptr<Session>> OpenCandidate(const SearchSetting& setting,
                                               const Candidate& candidate);
/// What it loses on the selection. `loss` may be null: Judgement's.
Result<Drop> JudgeCandidate(const SearchSetting& setting, const Candidate& candidate,
                            double* loss = nullptr);

}  // namespace deftnn
