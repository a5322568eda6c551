#include "deftnn/pipeline/narrow.h"

#include <algorithm>
#include <numeric>

#include "deftnn/base/check.h"
#include "deftnn/graph/patch.h"
#include "deftnn/ops/channels.h"
#include "deftnn/passes/passes.h"

namespace deftnn {
namespace {

// The graph in which `layer` reads `channels` alone, with the weights that it had for them.
Result<Graph> Reading(const Graph& graph, const Layer& layer,
                      const std::vector<int64_t>& channels) {
  const int index = graph.FindNode(layer.name);
  Node node = graph.node(index);
  DEFTNN_ASSIGN_OR_RETURN(const Tensor dense,
                          ToFloat32(*graph.Constant(node.inputs[SynapseProduct::kW])));
  std::vector<int64_t> entries;
  for (int64_t position = 0; position < layer.layout.positions; ++position)
    for (const int64_t c : channels) entries.push_back(position * layer.layout.channels + c);
  const auto kept = static_cast<int64_t>(entries.size());
  std::vector<float> weights;
  for (int64_t o = 0; o < layer.outputs; ++o)
    for (const int64_t k : entries) weights.push_back(dense.values<float>()[o * layer.full_k + k]);
  const KeptTable table = WidestTable(entries, layer.layout.channels);
  Patch patch(graph);
  node.attributes["group_size"] = table.group_size;
  node.inputs[SynapseProduct::kW] =
      patch.AddConstant(layer.name + ".weights", Tensor::Of<float>({layer.outputs, kept}, weights));
  node.inputs[SynapseProduct::kKept] =
      patch.AddConstant(layer.name + ".kept",
                        Tensor::Of<int32_t>({static_cast<int64_t>(table.kept.size())}, table.kept));
  patch.ReplaceNode(index, std::move(node));
  return patch.Apply(graph);
}

// By layer: the outputs that somebody reads.
Result<std::vector<std::vector<int64_t>>> OutputsRead(const Graph& graph,
                                                      const std::vector<Layer>& layers) {
  DEFTNN_ASSIGN_OR_RETURN(const auto infos, InferShapes(graph, DefaultInputs(graph)));
  const ChannelMap map = MapChannels(graph, infos);
  std::vector<std::vector<int64_t>> outputs;
  for (const Layer& layer : layers) {
    const ChannelLabels& made = map.values[graph.node(graph.FindNode(layer.name)).outputs[0]];
    std::vector<int64_t> read;
    for (int64_t o = 0; o < layer.outputs; ++o)
      if (made.empty() || map.channels.needed(made.labels[o])) read.push_back(o);
    if (read.empty()) read.push_back(0);  // nothing is left without a channel
    outputs.push_back(std::move(read));
  }
  return outputs;
}

}  // namespace

Result<Graph> ReadingAll(const Graph& graph, int index) {
  Node node = graph.node(index);
  DEFTNN_ASSIGN_OR_RETURN(const SynapseProduct product, SynapseProduct::Read(node));
  const int64_t full = FullK(node, product);
  const Tensor& weights = *graph.Constant(node.inputs[SynapseProduct::kW]);
  const std::vector<int64_t> entries =
      KeptEntries(*graph.Constant(node.inputs[SynapseProduct::kKept]), product.group_size);
  std::vector<float> all(weights.dim(0) * full);
  for (int64_t i = 0; i < weights.size(); ++i)
    all[i / weights.dim(1) * full + entries[i % weights.dim(1)]] = weights.values<float>()[i];
  Patch patch(graph);
  node.attributes["group_size"] = int64_t{1};
  node.inputs[SynapseProduct::kW] =
      patch.AddConstant(node.name + ".weights", Tensor::Of<float>({weights.dim(0), full}, all));
  node.inputs[SynapseProduct::kKept] = patch.AddConstant(node.name + ".kept", EveryGroup(full));
  patch.ReplaceNode(index, std::move(node));
  return patch.Apply(graph);
}

Result<NarrowNetwork> CutChannels(const Graph& original, const std::vector<Layer>& layers,
                                  const std::vector<LayerCut>& cuts) {
  NarrowNetwork narrow{original, layers, {}};
  for (size_t i = 0; i < layers.size(); ++i) {
    if (cuts[i].channels.empty()) continue;
    DEFTNN_CHECK(!layers[i].producers.empty());
    DEFTNN_ASSIGN_OR_RETURN(narrow.graph, Reading(narrow.graph, layers[i], cuts[i].channels));
  }
  DEFTNN_ASSIGN_OR_RETURN(narrow.outputs, OutputsRead(narrow.graph, layers));
  DEFTNN_ASSIGN_OR_RETURN(narrow.graph, Canonicalise(std::move(narrow.graph)));
  for (size_t i = 0; i < layers.size(); ++i) {
    Layer& layer = narrow.layers[i];
    const int index = narrow.graph.FindNode(layer.name);
    if (!cuts[i].channels.empty()) {
      DEFTNN_ASSIGN_OR_RETURN(narrow.graph, ReadingAll(narrow.graph, index));
    }
    const Node& node = narrow.graph.node(index);
    DEFTNN_ASSIGN_OR_RETURN(const SynapseProduct product, SynapseProduct::Read(node));
    const Tensor& weights = *narrow.graph.Constant(node.inputs[SynapseProduct::kW]);
    layer.layout.channels = product.channels;
    layer.full_k = layer.kept_k = FullK(node, product);
    layer.outputs = weights.dim(0);
    DEFTNN_CHECK(weights.dim(1) == layer.full_k &&
                 layer.outputs == static_cast<int64_t>(narrow.outputs[i].size()));
  }
  return narrow;
}

}  // namespace deftnn
