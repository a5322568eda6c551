#include "deftnn/pipeline/layers.h"

#include <algorithm>
#include <map>

#include "deftnn/analysis/gram.h"
#include "deftnn/graph/patch.h"
#include "deftnn/ops/channels.h"

namespace deftnn {
namespace {

// Shorter products than this have nothing to give.
constexpr int64_t kLeastK = 4;

Result<Layer> Describe(const Graph& graph, const Node& node, const std::vector<ValueInfo>& infos) {
  DEFTNN_ASSIGN_OR_RETURN(const SynapseProduct product, SynapseProduct::Read(node));
  const Tensor* weights = graph.Constant(node.inputs[SynapseProduct::kW]);
  const Tensor* kept = graph.Constant(node.inputs[SynapseProduct::kKept]);
  if (weights == nullptr || kept == nullptr)
    return Error("its weights must be constant").WithNode(node.name);
  Layer layer;
  layer.name = node.name;
  layer.op = product.kind == SynapseProduct::Kind::kConv ? "Conv" : "MatMul";
  layer.outputs = weights->dim(0);
  layer.full_k = FullK(node, product);
  layer.kept_k = weights->dim(1);
  layer.groups = product.groups;
  layer.layout = {product.channels, product.channels == 0 ? 0 : layer.full_k / product.channels};
  layer.rows = layer.outputs == 0 ? 0 : ElementCount(infos[node.outputs[0]].shape) / layer.outputs;
  if (product.groups != 1) {
    layer.why_not = "grouped convolution: its groups are short products already";
  } else if (layer.full_k < kLeastK) {
    layer.why_not = fmt::format("K = {} is too short to cut", layer.full_k);
  } else if (GramAccumulator::GramBytes(layer.full_k) > GramAccumulator::kMaxGramBytes) {
    layer.why_not = fmt::format(
        "K = {} is too long: statistics of its inputs would take {:.1f} GB", layer.full_k,
        static_cast<double>(GramAccumulator::GramBytes(layer.full_k)) / 1e9);
  }
  return layer;
}

// The graph in which `node` reads nothing but its first input channel.
Result<Graph> ReadingOneChannel(const Graph& graph, int index, const Layer& layer) {
  const Node& node = graph.node(index);
  std::vector<int32_t> kept;
  for (int64_t p = 0; p < layer.layout.positions; ++p) {
    kept.push_back(static_cast<int32_t>(p * layer.layout.channels));
  }
  const int64_t count = static_cast<int64_t>(kept.size());
  Patch patch(graph);
  Node replacement = node;
  replacement.attributes["group_size"] = int64_t{1};
  replacement.inputs[SynapseProduct::kKept] =
      patch.AddConstant("kept", Tensor::Of<int32_t>({count}, kept));
  replacement.inputs[SynapseProduct::kW] =
      patch.AddConstant("weights", Tensor::Zeros(ElementType::kFloat32, {layer.outputs, count}));
  patch.ReplaceNode(index, replacement);
  return patch.Apply(graph);
}

struct Producers {
  std::vector<int> layers;  // as in Layer
  std::vector<std::vector<int64_t>> made;
};

// Which layers make channels that nobody needs once layer `index` reads only its first one; none
// when any of the others stays needed.
Result<Producers> ProducersCut(const Graph& graph, const std::vector<Layer>& layers, size_t index,
                               const std::vector<ValueInfo>& inputs) {
  const Layer& layer = layers[index];
  DEFTNN_ASSIGN_OR_RETURN(const Graph trial,
                          ReadingOneChannel(graph, graph.FindNode(layer.name), layer));
  DEFTNN_ASSIGN_OR_RETURN(const std::vector<ValueInfo> infos, InferShapes(trial, inputs));
  const ChannelMap map = MapChannels(trial, infos);
  const Node& node = trial.node(trial.FindNode(layer.name));
  const ChannelLabels& labels = map.values[node.inputs[SynapseProduct::kX]];
  if (labels.empty() || static_cast<int64_t>(labels.labels.size()) != layer.layout.channels) {
    return Producers();
  }
  for (size_t c = 1; c < labels.labels.size(); ++c) {
    if (map.channels.needed(labels.labels[c])) return Producers();
  }
  std::vector<ChannelId> roots;
  for (ChannelId id : labels.labels) roots.push_back(map.channels.Root(id));
  std::sort(roots.begin(), roots.end());
  Producers producers;
  for (size_t l = 0; l < layers.size(); ++l) {
    const ChannelLabels& made = map.values[trial.node(trial.FindNode(layers[l].name)).outputs[0]];
    const bool ours =
        !made.empty() && std::all_of(made.labels.begin(), made.labels.end(), [&](ChannelId id) {
          return std::binary_search(roots.begin(), roots.end(), map.channels.Root(id));
        });
    if (!ours) continue;
    producers.layers.push_back(static_cast<int>(l));
    std::vector<ChannelId> its;
    for (ChannelId id : made.labels) its.push_back(map.channels.Root(id));
    std::sort(its.begin(), its.end());
    std::vector<int64_t>& channels = producers.made.emplace_back();
    for (int64_t c = 0; c < std::ssize(labels.labels); ++c)
      if (std::binary_search(its.begin(), its.end(), map.channels.Root(labels.labels[c])))
        channels.push_back(c);
  }
  return producers;
}

}  // namespace

Result<std::vector<Layer>> ListLayers(const Graph& graph, const std::vector<ValueInfo>& infos) {
  std::vector<Layer> layers;
  for (const Node& node : graph.nodes()) {
    if (!IsSynapseProduct(node)) continue;
    DEFTNN_ASSIGN_OR_RETURN(Layer layer, Describe(graph, node, infos));
    layers.push_back(std::move(layer));
  }
  std::vector<ValueInfo> inputs;
  for (ValueId id : graph.inputs()) inputs.push_back(infos[id]);
  for (size_t i = 0; i < layers.size(); ++i) {
    if (!layers[i].why_not.empty() || layers[i].layout.channels < 2) continue;
    DEFTNN_ASSIGN_OR_RETURN(Producers producers, ProducersCut(graph, layers, i, inputs));
    layers[i].producers = std::move(producers.layers);
    layers[i].made = std::move(producers.made);
  }
  return layers;
}

int64_t NetworkMacs(const Graph& graph, const std::vector<ValueInfo>& infos) {
  int64_t macs = 0;
  for (const Node& node : graph.nodes()) {
    if (node.domain != kDeftnnDomain || node.inputs.size() < 2) continue;
    const Shape& weights = infos[node.inputs[1]].shape;
    const int64_t per_output =
        weights.empty() || weights[0] == 0 ? 0 : ElementCount(weights) / weights[0];
    macs += ElementCount(infos[node.outputs[0]].shape) * per_output;
  }
  return macs;
}

int64_t NetworkBytes(const Graph& graph) {
  int64_t bytes = 0;
  for (const Value& value : graph.values()) bytes += static_cast<int64_t>(value.constant.bytes());
  return bytes;
}

}  // namespace deftnn
