// Another order for the channels of a network, at no cost when it runs: the layers that make them
// put out their outputs in the new order, and whoever reads them reads them there.
#pragma once

#include <cstdint>
#include <vector>

#include "deftnn/base/status.h"
#include "deftnn/graph/graph.h"
#include "deftnn/ops/channels.h"
#include "deftnn/ops/op.h"

namespace deftnn {

/// Which channels of a canonical graph may trade places, and a new order of them.
///
/// Channels are free where their makers are products, every product that reads them keeps all of
/// its K, and whatever else they pass moves each channel by itself. They form sets whose members
/// lie in the same values and constants (the branches of an addition are one set, those of a
/// concatenation two): within a set every order gives the same outputs, up to rounding.
class ChannelPermutation {
 public:
  /// `infos` by ValueId. Every channel is in its place.
  ChannelPermutation(const Graph& graph, const std::vector<ValueInfo>& infos);

  /// The sets, of two or more; each lists its channels in the order of a value that carries them.
  const std::vector<std::vector<ChannelId>>& sets() const { return sets_; }

  /// The channel at each position of a value's channel axis before the permutation, by the names
  /// that sets() uses; empty where the value has none.
  std::vector<ChannelId> ChannelsOf(ValueId value) const;

  /// The place of sets()[set][i] is for order[i]: a permutation of the set.
  void Reorder(size_t set, const std::vector<ChannelId>& order);

  /// By position on a value's channel axis: where that which now lies there lay before. Empty where
  /// the value has no channels.
  std::vector<int64_t> SourcesOf(ValueId value) const { return Sources(map_.values[value]); }

  /// The graph that this was made from with its channels in the new order.
  Result<Graph> Apply(const Graph& graph) const;

 private:
  std::vector<int64_t> Sources(const ChannelLabels& labels) const;

  ChannelMap map_;
  std::vector<std::vector<ChannelId>> sets_;
  std::vector<ChannelId> successor_;  // by root: the channel that takes its place
};

}  // namespace deftnn
