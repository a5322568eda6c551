#include "deftnn/passes/permute_channels.h"

#include <algorithm>
#include <map>
#include <numeric>

#include "deftnn/base/check.h"
#include "deftnn/graph/patch.h"
#include "deftnn/ops/synapse_product.h"
#include "deftnn/passes/pass.h"

namespace deftnn {
namespace {

// `sources` along an axis with `outer` elements in front of it.
Tensor Rearranged(const Tensor& tensor, int64_t outer, const std::vector<int64_t>& sources) {
  const int64_t extent = std::ssize(sources);
  const int64_t bytes = static_cast<int64_t>(tensor.bytes()) / (outer * extent);
  Tensor out = Tensor::Zeros(tensor.type(), tensor.shape());
  std::byte* to = out.mutable_data();
  for (int64_t o = 0; o < outer; ++o) {
    for (const int64_t source : sources) {
      std::copy_n(tensor.data() + (o * extent + source) * bytes, bytes, to);
      to += bytes;
    }
  }
  return out;
}

bool InPlace(const std::vector<int64_t>& sources) {
  return std::is_sorted(sources.begin(), sources.end());
}

}  // namespace

ChannelPermutation::ChannelPermutation(const Graph& graph, const std::vector<ValueInfo>& infos)
    : map_(MapChannels(graph, infos)), successor_(map_.channels.size()) {
  const PassContext context(graph);
  std::vector<bool> fixed;
  for (ChannelId id = 0; id < map_.channels.size(); ++id) fixed.push_back(map_.channels.pinned(id));
  for (const Node& node : graph.nodes()) {
    // The columns of these weights are somebody else's too.
    if (!IsSynapseProduct(node) || context.uses(node.inputs[SynapseProduct::kW]) == 1) continue;
    for (ChannelId id : map_.values[node.inputs[SynapseProduct::kX]].labels)
      fixed[map_.channels.Root(id)] = true;
  }
  // Where a channel lies, and whether it lies there once.
  std::vector<std::vector<size_t>> where(map_.channels.size());
  size_t place = 0;
  const auto visit = [&](const ChannelLabels& labels, bool movable) {
    for (ChannelId id : labels.labels) {
      const ChannelId root = map_.channels.Root(id);
      if (!movable || (!where[root].empty() && where[root].back() == place)) fixed[root] = true;
      where[root].push_back(place);
    }
    ++place;
  };
  for (const ChannelLabels& labels : map_.values) visit(labels, true);
  for (const LabelledConstant& constant : map_.constants) {
    visit(constant.labels,
          context.uses(constant.value) == 1 && BitsOf(graph.Constant(constant.value)->type()) >= 8);
  }
  std::map<std::vector<size_t>, std::vector<ChannelId>> together;
  for (size_t value = 0; value < map_.values.size(); ++value) {
    for (ChannelId id : map_.values[value].labels) {
      const ChannelId root = map_.channels.Root(id);
      if (!fixed[root] && where[root].front() == value) together[where[root]].push_back(root);
    }
  }
  for (auto& [values, set] : together) {
    if (set.size() > 1) sets_.push_back(std::move(set));
  }
  std::iota(successor_.begin(), successor_.end(), ChannelId{0});
}

std::vector<ChannelId> ChannelPermutation::ChannelsOf(ValueId value) const {
  std::vector<ChannelId> channels;
  for (ChannelId id : map_.values[value].labels) channels.push_back(map_.channels.Root(id));
  return channels;
}

void ChannelPermutation::Reorder(size_t set, const std::vector<ChannelId>& order) {
  DEFTNN_CHECK(
      std::is_permutation(order.begin(), order.end(), sets_[set].begin(), sets_[set].end()));
  for (size_t i = 0; i < order.size(); ++i) successor_[sets_[set][i]] = order[i];
}

std::vector<int64_t> ChannelPermutation::Sources(const ChannelLabels& labels) const {
  std::map<ChannelId, int64_t> at;
  for (int64_t i = 0; i < std::ssize(labels.labels); ++i)
    at[map_.channels.Root(labels.labels[i])] = i;
  std::vector<int64_t> sources;
  for (int64_t i = 0; i < std::ssize(labels.labels); ++i) {
    const ChannelId root = map_.channels.Root(labels.labels[i]);
    // A fixed channel may lie at several positions.
    sources.push_back(successor_[root] == root ? i : at.at(successor_[root]));
  }
  return sources;
}

Result<Graph> ChannelPermutation::Apply(const Graph& graph) const {
  std::map<ValueId, Tensor> moved;
  const auto rearrange = [&](ValueId id, int64_t outer, const std::vector<int64_t>& sources) {
    if (InPlace(sources)) return;
    const auto known = moved.find(id);
    const Tensor& before = known != moved.end() ? known->second : *graph.Constant(id);
    moved[id] = Rearranged(before, outer, sources);
  };
  for (const LabelledConstant& constant : map_.constants) {
    const Shape& shape = graph.Constant(constant.value)->shape();
    const Shape front(shape.begin(), shape.begin() + constant.labels.axis);
    rearrange(constant.value, ElementCount(front), Sources(constant.labels));
  }
  for (const Node& node : graph.nodes()) {
    if (!IsSynapseProduct(node)) continue;
    const std::vector<int64_t> sources = SourcesOf(node.inputs[SynapseProduct::kX]);
    if (InPlace(sources)) continue;
    const ValueId weights = node.inputs[SynapseProduct::kW];
    rearrange(weights, graph.Constant(weights)->size() / std::ssize(sources), sources);
  }
  Patch patch(graph);
  for (auto& [id, tensor] : moved) patch.ReplaceConstant(id, std::move(tensor));
  return patch.Apply(graph);
}

}  // namespace deftnn
