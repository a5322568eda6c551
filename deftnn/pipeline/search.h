// Finds the reduced network that the goal asks for: candidates from the allocator, made
// sequentially, judged by what they really cost and lose.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "deftnn/pipeline/allocate.h"
#include "deftnn/pipeline/options.h"
#include "deftnn/pipeline/score.h"

namespace deftnn {

/// What the search works on. Everything outlives it.
struct SearchSetting {
  Session& original;  // dense, fp32
  const std::vector<Layer>& layers;
  const Allocator& allocator;
  const Dataset& statistics_data;      // calibration samples
  const LayerTargets& targets;         // the original's, on them
  const Dataset& selection;            // judged on; seen by no statistic
  const Outputs& selection_reference;  // the original's outputs on it
  const Score& selection_score;        // the original's score on it
  const Yardstick& yardstick;
  Format format = Format::kFp32;  // that the result will run in
  ReduceOptions reduce;
  int64_t batch = 1;  // that latency is measured at
  ThreadPool& pool;
};

struct Candidate {
  std::vector<KeptFraction> kept;  // by layer
  Reduced reduced;                 // fp32 weights
  double macs_ratio = 1;           // the original's multiply-adds over this one's
};

/// What a candidate of that cost ratio lost on the selection, in points.
struct DropPoint {
  double ratio, drop;
};
/// The drop that is expected at a cost ratio: factor x log(ratio)^2. Nothing is lost at 1, and the
/// squared errors of layers grow about so.
struct DropLaw {
  double factor;
  double Expect(double ratio) const;
  double RatioFor(double points) const;
};
/// Least squares over the points; the factor is at least 0.001.
DropLaw FitDropLaw(const std::vector<DropPoint>& points);

/// The fastest candidate that the law through all probes expects to lose no more than `points` with
/// a quarter of a standard error to spare, and that did not lose more itself; the one that keeps
/// everything but what is free where there is none.
Result<Candidate> SearchMaxDrop(const SearchSetting& setting, double points);
/// The least error at `ratio` times fewer multiply-adds. An error when the network cannot be cut so
/// far.
Result<Candidate> SearchMacs(const SearchSetting& setting, double ratio);
/// The least error at a latency of `dense_fp32_ms` / `speedup`. An error when it cannot be reached.
Result<Candidate> SearchSpeedup(const SearchSetting& setting, double speedup);

/// Reduces to `kept`.
Result<Candidate> MakeCandidate(const SearchSetting& setting,
                                const std::vector<KeptFraction>& kept);
/// What it loses on the selection, in the setting's format.
Result<Drop> JudgeCandidate(const SearchSetting& setting, const Candidate& candidate);

}  // namespace deftnn
