// How channels flow through operators, so that one that nobody needs can be cut where it is made.
#pragma once

#include <cstdint>
#include <vector>

#include "deftnn/graph/graph.h"

namespace deftnn {

/// A channel of the network: one output of one product, merged with others that must live or die
/// together (the branches of an addition).
using ChannelId = int32_t;

/// Position i along `axis` of a value belongs to channel labels[i]. A flattened C x H x W value
/// repeats each label H*W times.
struct ChannelLabels {
  int axis = -1;
  std::vector<ChannelId> labels;
  bool empty() const { return axis < 0; }
};

/// A union-find forest over channels with the facts that decide whether one can be cut or moved.
class ChannelSet {
 public:
  ChannelId Fresh();
  ChannelId Root(ChannelId id) const;
  void Unify(ChannelId a, ChannelId b);
  /// Somebody reads this channel's values where they lie.
  void Need(ChannelId id) { needed_[Root(id)] = pinned_[Root(id)] = true; }
  /// Somebody reads them, and would find them elsewhere.
  void Keep(ChannelId id) { needed_[Root(id)] = true; }
  /// The channel may go but not move.
  void Pin(ChannelId id) { pinned_[Root(id)] = true; }
  bool needed(ChannelId id) const { return needed_[Root(id)]; }
  bool pinned(ChannelId id) const { return pinned_[Root(id)]; }
  int size() const { return static_cast<int>(parent_.size()); }

 private:
  mutable std::vector<ChannelId> parent_;
  std::vector<bool> needed_, pinned_;
};

/// A constant input of a node whose positions along `axis` go with channels.
struct LabelledConstant {
  ValueId value;
  ChannelLabels labels;
};

/// What an operator's `channels` function sees and fills in. Constant inputs have no labels of
/// their own; the operator says with LabelConstant how they follow the activations'.
class ChannelContext {
 public:
  ChannelContext(const Graph& graph, const Node& node, std::vector<Shape> input_shapes,
                 std::vector<Shape> output_shapes, std::vector<ChannelLabels> inputs,
                 ChannelSet& channels)
      : graph_(graph),
        node_(node),
        input_shapes_(std::move(input_shapes)),
        output_shapes_(std::move(output_shapes)),
        inputs_(std::move(inputs)),
        channels_(channels),
        outputs_(node.outputs.size()) {}

  const Node& node() const { return node_; }
  size_t num_inputs() const { return node_.inputs.size(); }
  bool is_constant(size_t i) const {
    return node_.has_input(i) && graph_.Constant(node_.inputs[i]) != nullptr;
  }
  const Tensor& constant(size_t i) const { return *graph_.Constant(node_.inputs[i]); }
  const Shape& input_shape(size_t i) const { return input_shapes_[i]; }
  const Shape& output_shape(size_t i) const { return output_shapes_[i]; }
  const ChannelLabels& input(size_t i) const { return inputs_[i]; }

  /// `count` new channels along `axis`: what a product makes.
  ChannelLabels Fresh(int axis, int64_t count);
  /// Every channel of these labels is read here.
  void Need(const ChannelLabels& labels);
  /// Every channel of these labels is read here, and may lie elsewhere along the axis if what
  /// belongs to it follows.
  void Keep(const ChannelLabels& labels);
  void Keep(ChannelId id) { channels_.Keep(id); }
  void Pin(const ChannelLabels& labels);
  /// Position by position the same channel from here on; the two must be of equal length.
  void Unify(const ChannelLabels& a, const ChannelLabels& b);
  void SetOutput(size_t i, ChannelLabels labels) { outputs_[i] = std::move(labels); }
  /// Constant input i is cut along labels.axis with the channels.
  void LabelConstant(size_t i, ChannelLabels labels) {
    constants_.push_back({node_.inputs[i], std::move(labels)});
  }
  /// The default: needs every input's channels, outputs have none.
  void End();

  const std::vector<ChannelLabels>& outputs() const { return outputs_; }
  const std::vector<LabelledConstant>& constants() const { return constants_; }

 private:
  const Graph& graph_;
  const Node& node_;
  std::vector<Shape> input_shapes_, output_shapes_;
  std::vector<ChannelLabels> inputs_;
  ChannelSet& channels_;
  std::vector<ChannelLabels> outputs_;
  std::vector<LabelledConstant> constants_;
};

/// Usual flows, for operators to name.
/// One input, every position stays where it is (Relu, pooling, Cast, ...): labels pass through.
void ChannelsPassThrough(ChannelContext& context);
/// Element-wise with broadcasting over any number of inputs: branches are unified, constants
/// follow.
void ChannelsElementwise(ChannelContext& context);

/// The channels of a whole graph, from its shapes (indexed by ValueId).
struct ChannelMap {
  ChannelSet channels;
  std::vector<ChannelLabels> values;        // by ValueId
  std::vector<LabelledConstant> constants;  // every constant that is cut with channels
};
struct ValueInfo;
ChannelMap MapChannels(const Graph& graph, const std::vector<ValueInfo>& values);

}  // namespace deftnn
