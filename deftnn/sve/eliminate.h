// The front door of synapse vector elimination: one layer in, its reduced weights out.
//
// A layer computes y = W x + b over a collapsed dimension of K entries. Eliminating keeps a set S
// of entries and gives weights W' [O x |S|] and a bias b' with W' x_S + b' close to the original
// network's y + b. docs/sve.md derives the equations.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <vector>

#include "deftnn/analysis/sensitivity.h"
#include "deftnn/analysis/statistics.h"
#include "deftnn/sve/criteria/criterion.h"
#include "deftnn/sve/free.h"

namespace deftnn {

/// One layer with constant weights and one convolution group.
struct LayerProblem {
  int64_t outputs = 0;         // O
  KLayout layout;              // K = positions x channels of the reduced network's layer
  std::vector<float> weights;  // [O x K], row-major, for the inputs that are still there
  std::vector<float> bias;     // [O], or empty for none
  LayerStatistics statistics;  // over the same K; targets of the same O, or none
};

struct EliminationOptions {
  std::string criterion = "obs";
  std::string compensation = "least-squares";
  std::string grouping = "synapse";
  double damping = 1e-2;      // lambda as a share of the mean diagonal of G
  double step = 0.02;         // of the remaining groups, between two rankings of obs
  bool free_removals = true;  // constants and copies first, exactly
  /// By group: what one entry of it saves, relative to the others' (the layers that make channels
  /// may differ in cost). Empty: all the same. Read by obs alone.
  std::vector<double> savings;
  /// No smaller fraction will be asked for: ranking may end there. 0: any may be.
  double least_fraction = 0;
};

struct Elimination {
  std::vector<int64_t> kept_entries;  // rising
  std::vector<float> weights;         // [O x kept]
  std::vector<float> bias;            // [O]
  /// E|y - y'|^2 / E|y - ybar|^2, summed over the outputs, from the statistics that the
  /// elimination was computed with; 0 when both are 0.
  double relative_error = 0;
};

/// The same ratio on other samples: `statistics` over the same K, with targets of the same O (or
/// none: then those of the problem's weights).
double RelativeError(const LayerProblem& problem, const Elimination& elimination,
                     const LayerStatistics& statistics, ThreadPool* pool = nullptr);

/// Ranks once and then cuts the one order anywhere. Cuts are nested: what a smaller cut keeps, a
/// larger one keeps too.
class Eliminator {
 public:
  /// Errors: sizes that disagree, values that are not finite, unknown names. `pool` may be null
  /// and outlives the eliminator.
  static Result<Eliminator> Create(LayerProblem problem, EliminationOptions options = {},
                                   ThreadPool* pool = nullptr);

  int64_t entries() const { return problem_->layout.entries(); }
  int64_t groups() const { return static_cast<int64_t>(groups_.size()); }
  /// Groups without those that are removed for free.
  int64_t paying_groups() const { return static_cast<int64_t>(order_.groups.size()); }
  const EntryGroups& entry_groups() const { return groups_; }
  const FreeRemovals& free_removals() const { return free_; }
  /// Paying groups in the order in which they go, as indices into entry_groups().
  const EliminationOrder& order() const { return order_; }
  const LayerProblem& problem() const { return *problem_; }
  /// Damping of the refit: H = G + lambda I.
  double lambda() const { return lambda_; }

  /// Keeps `count` groups, clamped to [1, paying_groups()]. When every group is free, the first
  /// one is kept, for a product without inputs is not a layer.
  Result<Elimination> KeepGroups(int64_t count) const;
  /// As many groups as fit in `fraction` of all K entries (rounded to the nearest entry), at
  /// least one group. At 1 only what is free is gone.
  Result<Elimination> KeepFraction(double fraction) const;
  /// The groups that KeepFraction would keep.
  int64_t GroupsAt(double fraction) const;
  /// Kept entries alone, without computing weights: rising.
  std::vector<int64_t> KeptEntries(int64_t count) const;
  /// relative_error at each fraction.
  Result<ErrorCurve> Curve(const std::vector<double>& fractions) const;
  /// The same on other samples.
  Result<ErrorCurve> Curve(const std::vector<double>& fractions,
                           const LayerStatistics& held_out) const;

 private:
  Eliminator() = default;
  Result<ErrorCurve> CurveOn(const std::vector<double>& fractions,
                             const LayerStatistics* held_out) const;

  std::shared_ptr<const LayerProblem> problem_;
  EliminationOptions options_;
  const struct Compensation* compensation_ = nullptr;
  ThreadPool* pool_ = nullptr;
  EntryGroups groups_;
  FreeRemovals free_;
  EliminationOrder order_;
  std::vector<double> old_bias_;
  int64_t paying_entries_ = 0;
  double lambda_ = 0;
};

}  // namespace deftnn
