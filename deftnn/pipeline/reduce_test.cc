#include "deftnn/pipeline/reduce.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "deftnn/graph/patch.h"
#include "deftnn/passes/passes.h"
#include "deftnn/passes/random_network_test.h"

namespace deftnn {
namespace {

std::vector<Layer> LayersOf(const Graph& graph) {
  return ListLayers(graph, InferShapes(graph, DefaultInputs(graph, 2)).value()).value();
}

// The graph in which a layer's weights for the input channels that are not in `channels` are zero.
Graph WithZeros(const Graph& graph, const Layer& layer, const std::vector<int64_t>& channels) {
  const ValueId id = graph.node(graph.FindNode(layer.name)).inputs[SynapseProduct::kW];
  Tensor weights = Tensor::Of<float>({layer.outputs, layer.full_k}, [&] {
    const auto values = graph.Constant(id)->values<float>();
    return std::vector<float>(values.begin(), values.end());
  }());
  for (int64_t i = 0; i < weights.size(); ++i) {
    if (!std::binary_search(channels.begin(), channels.end(), i % layer.layout.channels))
      weights.mutable_values<float>()[i] = 0;
  }
  Patch patch(graph);
  patch.ReplaceConstant(id, std::move(weights));
  return patch.Apply(graph).value();
}

// Independent oracle: a channel that nobody reads is one whose weights are all zero.
TEST(CutChannels, IsTheNetworkWithThoseWeightsZero) {
  int64_t cut = 0;
  for (uint64_t seed = 1; seed <= 40; ++seed) {
    SCOPED_TRACE(fmt::format("seed {}", seed));
    Rng rng(seed);
    const Graph graph = Canonicalise(test::RandomNetwork(rng)).value();
    const std::vector<Layer> layers = LayersOf(graph);
    std::vector<LayerCut> cuts(layers.size());
    Graph zeros = graph;
    for (size_t i = 0; i < layers.size(); ++i) {
      if (layers[i].producers.empty()) continue;
      for (int64_t c = 0; c < layers[i].layout.channels; ++c)
        if (rng.Below(2) == 0) cuts[i].channels.push_back(c);
      if (cuts[i].channels.empty()) cuts[i].channels = {0};
      zeros = WithZeros(zeros, layers[i], cuts[i].channels);
    }
    const auto narrow = CutChannels(graph, layers, cuts);
    ASSERT_TRUE(narrow.ok()) << narrow.status().ToString();
    test::ExpectSameOutputs(zeros, narrow->graph, test::RandomInputs(graph, rng, 2));
    for (size_t i = 0; i < layers.size(); ++i) {
      if (cuts[i].channels.empty()) continue;
      EXPECT_GE(narrow->layers[i].layout.channels, std::ssize(cuts[i].channels));
      for (const int producer : layers[i].producers) {
        EXPECT_EQ(narrow->layers[producer].outputs, std::ssize(narrow->outputs[producer]));
        cut += layers[producer].outputs - narrow->layers[producer].outputs;
      }
    }
  }
  EXPECT_GT(cut, 100);
}

}  // namespace
}  // namespace deftnn
