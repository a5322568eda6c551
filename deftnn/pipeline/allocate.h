// How much of each layer to keep: error curves against measured costs.
#pragma once

#include <vector>

#include "deftnn/pipeline/costs.h"
#include "deftnn/pipeline/curves.h"
#include "deftnn/pipeline/reduce.h"
#include "deftnn/sve/budget.h"

namespace deftnn {

/// Each layer's own fraction, by the errors that were measured, or one for all layers.
enum class AllocationRule { kMeasured, kUniform };

/// Chooses kept fractions that lose least within a cost.
class Allocator {
 public:
  Allocator(const std::vector<Layer>& layers, const std::vector<LayerCurves>& curves,
            CostModel costs, AllocationRule rule = AllocationRule::kMeasured);

  /// Why a layer is offered no finer groups, by layer: it would not get faster. Empty: it is.
  const std::vector<std::string>& reasons() const { return reasons_; }

  double DenseCost() const { return Cost(Dense()); }
  std::vector<KeptFraction> Dense() const { return std::vector<KeptFraction>(layers_.size()); }
  /// Of all layers together; a layer whose outputs a consumer does not read any more costs less
  /// too.
  double Cost(const std::vector<KeptFraction>& kept) const;
  /// The sum of the layers' errors.
  double Error(const std::vector<KeptFraction>& kept) const;
  /// Which channels these fractions keep.
  std::vector<LayerCut> Cuts(const std::vector<KeptFraction>& kept) const;
  /// The least error at a cost of at most `budget`, or the cheapest allocation where none is so
  /// cheap. kUniform: the largest fraction within the budget, of finer groups where they may be
  /// used at all, else of channels; reasons() play no part.
  std::vector<KeptFraction> Within(double budget) const;

 private:
  std::vector<KeptFraction> UniformWithin(double budget) const;
  // What a layer's fine stage is offered, the whole layer first; says in reasons_ why it is no
  // more.
  std::vector<KeptFraction> FineLevels(size_t layer);
  // Fills in what a layer costs by its level and its reader's.
  void Couple(size_t layer);
  // The share of a layer's outputs that its reader keeps at this fraction of its channels.
  double OutputsKept(size_t layer, size_t reader, double channels) const;
  // The input channels that a layer keeps, rising.
  std::vector<int64_t> ChannelsKept(size_t layer, double fraction) const;

  const std::vector<Layer>& layers_;
  const std::vector<LayerCurves>& curves_;
  CostModel costs_;
  AllocationRule rule_;
  std::vector<std::vector<KeptFraction>> levels_;  // by layer, the dense one first
  std::vector<CoupledLayer> coupled_;
  std::vector<std::string> reasons_;
  std::vector<int> reader_;  // by layer: the one whose dropped channels cut its outputs, or -1
};

}  // namespace deftnn
