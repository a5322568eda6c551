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
      for (size_t p = 0; p < layers[i].producers.size(); ++p) {
        const int producer = layers[i].producers[p];
        const std::vector<int64_t>& channels = layers[i].made[p];
        const auto made = std::count_if(
            cuts[i].channels.begin(), cuts[i].channels.end(),
            [&](int64_t c) { return std::binary_search(channels.begin(), channels.end(), c); });
        EXPECT_EQ(narrow->layers[producer].outputs, std::max<int64_t>(1, made));
        EXPECT_EQ(narrow->layers[producer].outputs, std::ssize(narrow->outputs[producer]));
        cut += layers[producer].outputs - narrow->layers[producer].outputs;
      }
    }
  }
  EXPECT_GT(cut, 100);
}

// x -> h = Relu(a) -> y = b(h) + h. Once a is cut, h is wrong for b and for the addition alike; b
// has made the best of both when what y lacks does not correlate with h any more.
TEST(ReduceNetwork, ARefitSeesWhatIsAddedToItsSums) {
  constexpr int64_t kDrawn = 800, kBroad = 12;
  Rng rng(7);
  test::NetworkBuilder build(rng);
  const test::Image x = build.Input(kBroad, 1, 1);
  test::Image h = build.Conv(x, kBroad, 1);
  h.id = build.Op("Relu", {h.id});
  const test::Image b = build.Conv(h, kBroad, 1);
  build.graph().AddOutput(build.Op("Add", {b.id, h.id}));
  build.graph().AddOutput(h.id);
  const Graph graph = Canonicalise(build.graph()).value();
  std::vector<Layer> layers = LayersOf(graph);
  ASSERT_EQ(layers.size(), 2U);
  for (Layer& layer : layers) layer.damping = 1e-6;
  const Tensor samples = test::RandomInputs(graph, rng, kDrawn).front();
  const Dataset data = Dataset::Of({{graph.value(graph.inputs()[0]).name, samples}}).value();
  ThreadPool pool(2);
  const auto original = Session::Create(graph, {.threads = 2, .packed = nullptr}).value();
  const ReduceOptions options{.threads = 2};
  LayerTargets targets;
  ASSERT_TRUE(CalibrateOriginal(*original, layers, data, options.calibration, pool, &targets).ok());
  std::vector<LayerCut> cuts(2);
  cuts[0].fine = 0.5;
  const auto reduced = ReduceNetwork(*original, layers, cuts, data, targets, options, pool);
  ASSERT_TRUE(reduced.ok()) << reduced.status().ToString();
  const std::vector<Tensor> wanted = EvaluateGraph(graph, {samples}).value();
  const std::vector<Tensor> got = EvaluateGraph(reduced->graph, {samples}).value();
  const auto column = [&](const Tensor& tensor, int64_t c) {
    std::vector<double> out;
    for (int64_t n = 0; n < kDrawn; ++n) out.push_back(tensor.values<float>()[n * kBroad + c]);
    const double mean = std::accumulate(out.begin(), out.end(), 0.0) / kDrawn;
    for (double& v : out) v -= mean;
    return out;
  };
  double lost = 0, worst = 0;
  for (int64_t o = 0; o < kBroad; ++o) {
    std::vector<double> missing = column(wanted[0], o);
    const std::vector<double> is = column(got[0], o);
    for (int64_t n = 0; n < kDrawn; ++n) missing[n] -= is[n];
    const double square = Dot(kDrawn, missing.data(), missing.data());
    lost += square;
    for (int64_t c = 0; c < kBroad; ++c) {
      const std::vector<double> input = column(got[1], c);
      const double scale = std::sqrt(square * Dot(kDrawn, input.data(), input.data()));
      if (scale == 0) continue;
      worst = std::max(worst, std::abs(Dot(kDrawn, missing.data(), input.data())) / scale);
    }
  }
  EXPECT_GT(lost, 0.01 * kDrawn);
  EXPECT_LT(worst, 1e-3);
}

TEST(ReduceNetwork, CutsEachLayerByItsOwnGrouping) {
  Rng rng(11);
  test::NetworkBuilder build(rng);
  test::Image x = build.Conv(build.Input(8, 5, 5), 8, 3);
  x.id = build.Op("Relu", {x.id});
  build.graph().AddOutput(build.Conv(x, 4, 3).id);
  const Graph graph = Canonicalise(build.graph()).value();
  const std::vector<Layer> layers = LayersOf(graph);
  ASSERT_EQ(layers.size(), 2U);
  const Dataset data = Dataset::Of({{graph.value(graph.inputs()[0]).name,
                                     test::RandomInputs(graph, rng, 100).front()}})
                           .value();
  ThreadPool pool(2);
  const auto original = Session::Create(graph, {.threads = 2, .packed = nullptr}).value();
  ReduceOptions options{.threads = 2};
  options.method.groupings = {"pair", "hardware8"};
  LayerTargets targets;
  ASSERT_TRUE(CalibrateOriginal(*original, layers, data, options.calibration, pool, &targets).ok());
  std::vector<LayerCut> cuts(2);
  for (LayerCut& cut : cuts) cut.fine = 0.4;
  cuts[1].grouping = 1;
  const auto reduced = ReduceNetwork(*original, layers, cuts, data, targets, options, pool);
  ASSERT_TRUE(reduced.ok()) << reduced.status().ToString();
  for (const size_t i : {0, 1}) {
    const int index = reduced->graph.FindNode(layers[i].name);
    EXPECT_EQ(reduced->graph.node(index).Int("group_size", 0), i == 0 ? 2 : 8);
  }
}

}  // namespace
}  // namespace deftnn
