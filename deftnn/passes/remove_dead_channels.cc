// remove_dead_channels: a channel that no product keeps, and nothing else reads, is cut where it is
// made: its rows of the producers' weights and biases, its entries of every constant on the way,
// and the room for it in the consumers' tables of kept K groups.
#include <algorithm>

#include "deftnn/base/log.h"
#include "deftnn/ops/channels.h"
#include "deftnn/ops/synapse_product.h"
#include "deftnn/passes/pass.h"

namespace deftnn {
namespace {

class Cutter {
 public:
  Cutter(const Graph& graph, const std::vector<ValueInfo>& shapes)
      : graph_(graph), shapes_(shapes), map_(MapChannels(graph, shapes)) {
    // Nothing is left without a channel.
    for (const ChannelLabels& labels : map_.values) KeepOne(labels);
    for (const LabelledConstant& constant : map_.constants) {
      KeepOne(constant.labels);
      // Elements that share a byte, or lie elsewhere, are not cut.
      if (BitsOf(graph.Constant(constant.value)->type()) < 8) {
        for (ChannelId id : constant.labels.labels) map_.channels.Need(id);
      }
    }
  }

  bool AnythingToCut() const {
    const auto shrinks = [this](const ChannelLabels& labels) { return Shrinks(labels); };
    return std::any_of(map_.values.begin(), map_.values.end(), shrinks);
  }

  /// The first constant that is to be cut but has other readers too, or kNoValue.
  ValueId SharedConstant(const PassContext& context) const {
    for (const LabelledConstant& constant : map_.constants) {
      if (Shrinks(constant.labels) && context.uses(constant.value) > 1) return constant.value;
    }
    return kNoValue;
  }

  Patch Cut() const {
    Patch patch(graph_);
    for (const LabelledConstant& constant : map_.constants) {
      if (!Shrinks(constant.labels)) continue;
      patch.ReplaceConstant(constant.value,
                            Take(*graph_.Constant(constant.value), constant.labels));
    }
    for (size_t id = 0; id < map_.values.size(); ++id) {
      const ValueId value = static_cast<ValueId>(id);
      if (!Shrinks(map_.values[id]) || !graph_.value(value).shape) continue;
      Shape shape = *graph_.value(value).shape;
      if (static_cast<int>(shape.size()) <= map_.values[id].axis) continue;
      shape[map_.values[id].axis] = static_cast<int64_t>(Kept(map_.values[id]).size());
      patch.ReplaceShape(value, std::move(shape));
    }
    for (size_t i = 0; i < graph_.nodes().size(); ++i) {
      const Node& node = graph_.node(static_cast<int>(i));
      if (!node.has_input(0) || !Shrinks(map_.values[node.inputs[0]])) continue;
      if (IsSynapseProduct(node)) Renumber(patch, static_cast<int>(i));
      if (node.op == "Conv" && node.domain.empty()) Regroup(patch, static_cast<int>(i));
    }
    return patch;
  }

  /// Whether the graph that the patch made has the shapes that were meant: the last line of defence
  /// against an operator whose rule for channels is wrong.
  Status CheckShapes(const Graph& cut, const std::vector<ValueInfo>& inputs) const {
    DEFTNN_ASSIGN_OR_RETURN(const std::vector<ValueInfo> found, InferShapes(cut, inputs));
    for (size_t id = 0; id < map_.values.size(); ++id) {
      const ValueId now = cut.Find(graph_.values()[id].name);
      if (now == kNoValue) continue;
      Shape wanted = shapes_[id].shape;
      const ChannelLabels& labels = map_.values[id];
      if (!labels.empty()) wanted[labels.axis] = static_cast<int64_t>(Kept(labels).size());
      if (!cut.value(now).is_constant() && found[now].shape != wanted) {
        return Error("'{}' would have shape {}", cut.value(now).name, ToString(found[now].shape));
      }
    }
    return {};
  }

 private:
  bool Shrinks(const ChannelLabels& labels) const {
    return std::any_of(labels.labels.begin(), labels.labels.end(),
                       [this](ChannelId id) { return !map_.channels.needed(id); });
  }

  void KeepOne(const ChannelLabels& labels) {
    const bool any = std::any_of(labels.labels.begin(), labels.labels.end(),
                                 [this](ChannelId id) { return map_.channels.needed(id); });
    if (!any && !labels.labels.empty()) map_.channels.Need(labels.labels[0]);
  }

  /// The positions that stay, rising.
  std::vector<int64_t> Kept(const ChannelLabels& labels) const {
    std::vector<int64_t> kept;
    for (size_t i = 0; i < labels.labels.size(); ++i) {
      if (map_.channels.needed(labels.labels[i])) kept.push_back(static_cast<int64_t>(i));
    }
    return kept;
  }

  Tensor Take(const Tensor& tensor, const ChannelLabels& labels) const {
    const std::vector<int64_t> kept = Kept(labels);
    Shape shape = tensor.shape();
    const int64_t extent = shape[labels.axis];
    DEFTNN_CHECK(extent == static_cast<int64_t>(labels.labels.size()));
    shape[labels.axis] = static_cast<int64_t>(kept.size());
    int64_t outer = 1;
    for (int axis = 0; axis < labels.axis; ++axis) outer *= shape[axis];
    const int64_t bytes = static_cast<int64_t>(tensor.bytes()) / (outer * extent);
    Tensor taken = Tensor::Zeros(tensor.type(), std::move(shape));
    std::byte* to = taken.mutable_data();
    for (int64_t o = 0; o < outer; ++o) {
      for (int64_t position : kept) {
        std::copy_n(tensor.data() + (o * extent + position) * bytes, bytes, to);
        to += bytes;
      }
    }
    return taken;
  }

  // Entry k = position * C + c of the table becomes position * C' + (c's new place). Every kept
  // entry's channel is needed, so that none is lost; the order, and so the weights' columns, stay.
  void Renumber(Patch& patch, int index) const {
    Node node = graph_.node(index);
    const SynapseProduct product = SynapseProduct::Read(node).value();
    const std::vector<int64_t> kept = Kept(map_.values[node.inputs[SynapseProduct::kX]]);
    const int64_t before = product.channels, after = static_cast<int64_t>(kept.size());
    std::vector<int64_t> place(before, -1);
    for (int64_t i = 0; i < after; ++i) place[kept[i]] = i;
    const Tensor& table = *graph_.Constant(node.inputs[SynapseProduct::kKept]);
    std::vector<int64_t> entries = KeptEntries(table, product.group_size);
    for (int64_t& k : entries) {
      DEFTNN_CHECK(place[k % before] >= 0);
      k = k / before * after + place[k % before];
    }
    const int64_t full = FullK(node, product) / before * after;
    const int64_t size = LargestGroup(entries, product.group_size, full);
    std::vector<int32_t> groups;
    for (size_t i = 0; i < entries.size(); i += size) {
      groups.push_back(static_cast<int32_t>(entries[i] / size));
    }
    node.attributes["channels"] = after;
    node.attributes["group_size"] = size;
    node.inputs[SynapseProduct::kKept] =
        patch.AddConstant(node.name + ".kept", Tensor::Of<int32_t>({std::ssize(groups)}, groups));
    patch.ReplaceNode(index, std::move(node));
  }

  // The largest group size up to `most` whose whole, aligned groups are exactly these entries.
  static int64_t LargestGroup(const std::vector<int64_t>& entries, int64_t most, int64_t full) {
    for (int64_t size = most; size > 1; --size) {
      if (full % size != 0 || entries.size() % size != 0) continue;
      bool whole = true;
      for (size_t i = 0; i < entries.size() && whole; ++i) {
        const int64_t start = entries[i / size * size];
        whole = start % size == 0 && entries[i] == start + static_cast<int64_t>(i) % size;
      }
      if (whole) return size;
    }
    return 1;
  }

  // A depthwise Conv that is not lowered (float64, say) names its groups.
  void Regroup(Patch& patch, int index) const {
    Node node = graph_.node(index);
    node.attributes["group"] = static_cast<int64_t>(Kept(map_.values[node.inputs[0]]).size());
    patch.ReplaceNode(index, std::move(node));
  }

  const Graph& graph_;
  const std::vector<ValueInfo>& shapes_;
  ChannelMap map_;
};

// Every node input that reads the constant, but the first, gets a copy of its own.
Patch Unshare(const Graph& graph, ValueId shared) {
  Patch patch(graph);
  bool first = !graph.IsOutput(shared);
  for (int index : graph.Consumers(shared)) {
    Node node = graph.node(index);
    bool changed = false;
    for (ValueId& input : node.inputs) {
      if (input != shared) continue;
      if (!first) {
        input = patch.AddConstant(graph.value(shared).name, *graph.Constant(shared));
        changed = true;
      }
      first = false;
    }
    if (changed) patch.ReplaceNode(index, std::move(node));
  }
  return patch;
}

Result<std::optional<Patch>> Next(const Graph& graph, PassContext& context) {
  const std::vector<ValueInfo>* shapes = context.shapes();
  if (shapes == nullptr) return std::optional<Patch>();
  const Cutter cutter(graph, *shapes);
  if (!cutter.AnythingToCut()) return std::optional<Patch>();
  if (const ValueId shared = cutter.SharedConstant(context); shared != kNoValue) {
    return std::optional<Patch>(Unshare(graph, shared));
  }
  Patch patch = cutter.Cut();
  DEFTNN_ASSIGN_OR_RETURN(const Graph cut, patch.Apply(graph));
  std::vector<ValueInfo> inputs;
  for (ValueId id : graph.inputs()) inputs.push_back((*shapes)[id]);
  if (const Status status = cutter.CheckShapes(cut, inputs); !status.ok()) {
    spdlog::warn("dead channels stay: {}", status.ToString());
    return std::optional<Patch>();
  }
  return std::optional<Patch>(std::move(patch));
}

}  // namespace

extern const Pass kRemoveDeadChannelsPass;
constinit const Pass kRemoveDeadChannelsPass = {
    "remove_dead_channels", "cuts channels that nobody reads where they are made", &Next};

}  // namespace deftnn
