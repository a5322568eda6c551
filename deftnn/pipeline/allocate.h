// How much of each layer to keep, and in which format: error curves and what 16 bits harm against
// measured costs.
#pragma once

#include <vector>

#include "deftnn/pipeline/costs.h"
#include "deftnn/pipeline/curves.h"
#include "deftnn/pipeline/format_offers.h"
#include "deftnn/pipeline/reduce.h"
#include "deftnn/sve/budget.h"

namespace deftnn {

/// Each layer's own fraction, by the errors that were measured, or one for all layers.
enum class AllocationRule { kMeasured, kUniform };

/// What becomes of a network.
struct Recipe {
  std::vector<KeptFraction> kept;  // by layer
  FormatChoice format;
  bool operator==(const Recipe&) const = default;
};

/// Chooses recipes that lose least within a cost.
class Allocator {
 public:
  /// `costs` has a price for every format that `formats` offers; kUniform offers none.
  Allocator(const std::vector<Layer>& layers, const std::vector<LayerCurves>& curves,
            CostModel costs, FormatOffers formats, AllocationRule rule = AllocationRule::kMeasured);

  /// Why a layer is offered no finer groups, by layer: it would not get faster. Empty: it is.
  const std::vector<std::string>& reasons() const { return reasons_; }

  /// Nothing eliminated, in the format that the network has without a choice.
  Recipe Dense() const { return {std::vector<KeptFraction>(layers_.size()), formats_.dense}; }
  /// Nothing eliminated, and in fp32 where that may be.
  double DenseCost() const;
  /// Of all layers, and of other nodes whose format is open; a layer whose outputs a consumer does
  /// not read any more costs less too.
  double Cost(const Recipe& recipe) const;
  /// The sum of the errors.
  double Error(const Recipe& recipe) const;
  /// Which channels these fractions keep.
  std::vector<LayerCut> Cuts(const std::vector<KeptFraction>& kept) const;
  /// The least error at a cost of at most `budget`, or the cheapest recipe where none is so cheap.
  /// kUniform: the largest fraction within the budget, of finer groups where they may be used at
  /// all, else of channels; reasons() play no part.
  Recipe Within(double budget) const;

 private:
  struct Level {
    KeptFraction kept;
    Format format;
  };
  Recipe UniformWithin(double budget) const;
  double Harm(std::string_view node, Format format) const;
  // The levels of a layer, the one that loses least first.
  void AddLayer(size_t layer);
  void AddOtherNode(const std::string& node);
  // What a layer's fine stage is offered, the whole layer first; says in `reason` why it is no
  // more.
  std::vector<KeptFraction> FineLevels(size_t layer, Format format, std::string& reason) const;
  // Fills in what a layer costs by its level and its reader's.
  void Couple(size_t layer);
  // The share of a layer's outputs that its reader keeps at this fraction of its channels.
  double OutputsKept(size_t layer, size_t reader, double channels) const;
  // The input channels that a layer keeps, rising.
  std::vector<int64_t> ChannelsKept(size_t layer, double fraction) const;

  const std::vector<Layer>& layers_;
  const std::vector<LayerCurves>& curves_;
  CostModel costs_;
  FormatOffers formats_;
  AllocationRule rule_;
  std::vector<std::vector<Level>> levels_;  // by layer, then by other node
  std::vector<std::string> names_;          // of the same
  std::vector<CoupledLayer> coupled_;       // of the same
  std::vector<std::string> reasons_;
  std::vector<int> reader_;  // by layer: the one whose dropped channels cut its outputs, or -1
};

}  // namespace deftnn
