#include "deftnn/pipeline/channel_order.h"

#include <gtest/gtest.h>

#include <cmath>

#include "deftnn/passes/passes.h"
#include "deftnn/passes/random_network_test.h"

namespace deftnn {
namespace {

class ChannelOrder : public testing::Test {
 protected:
  void Open(const Graph& graph, Rng& rng, int64_t samples) {
    graph_ = graph;
    const Tensor x = test::RandomInputs(graph, rng, samples).front();
    data_ = Dataset::Of({{graph.value(graph.inputs()[0]).name, x}}).value();
    layers_ = LayersOf(graph);
    statistics_ = Calibrate(graph, targets_);
  }

  static std::vector<Layer> LayersOf(const Graph& graph) {
    return ListLayers(graph, InferShapes(graph, DefaultInputs(graph, 2)).value()).value();
  }

  std::vector<LayerStatistics> Calibrate(const Graph& graph, LayerTargets& targets) {
    const auto session = Session::Create(graph, {.threads = 2, .packed = nullptr}).value();
    return CalibrateOriginal(*session, LayersOf(graph), data_, {}, pool_, &targets).value();
  }

  std::optional<Graph> Order(const std::string& grouping) {
    Method method;
    method.groupings = {grouping};
    const auto infos = InferShapes(graph_, DefaultInputs(graph_, 2)).value();
    auto ordered = OrderChannels(graph_, infos, layers_, method, pool_, statistics_, targets_);
    EXPECT_TRUE(ordered.ok()) << ordered.status().ToString();
    return std::move(ordered).value();
  }

  ThreadPool pool_{2};
  Graph graph_;
  Dataset data_;
  std::vector<Layer> layers_;
  std::vector<LayerStatistics> statistics_;
  LayerTargets targets_;
};

template <typename Values>
void ExpectNear(const Values& a, const Values& b) {
  ASSERT_EQ(a.size(), b.size());
  double largest = 1;
  for (const double value : b) largest = std::max(largest, std::abs(value));
  for (size_t i = 0; i < a.size(); ++i) ASSERT_NEAR(a[i], b[i], 1e-4 * largest) << i;
}

// Oracle: what calibration finds in the ordered network.
TEST_F(ChannelOrder, StatisticsAndTargetsFollow) {
  int ordered = 0;
  for (uint64_t seed = 1; seed <= 30; ++seed) {
    SCOPED_TRACE(fmt::format("seed {}", seed));
    Rng rng(seed);
    Open(Canonicalise(test::RandomNetwork(rng)).value(), rng, 40);
    const std::optional<Graph> graph = Order(seed % 2 == 0 ? "pair" : "hardware8");
    if (!graph) continue;
    ++ordered;
    test::ExpectSameOutputs(graph_, *graph, test::RandomInputs(graph_, rng, 2), 1e-5);
    LayerTargets targets;
    const std::vector<LayerStatistics> statistics = Calibrate(*graph, targets);
    for (size_t i = 0; i < layers_.size(); ++i) {
      SCOPED_TRACE(layers_[i].name);
      EXPECT_EQ(statistics_[i].count, statistics[i].count);
      ExpectNear(statistics_[i].mean, statistics[i].mean);
      ExpectNear(statistics_[i].gram.data, statistics[i].gram.data);
      ExpectNear(targets_.rows[i], targets.rows[i]);
    }
  }
  EXPECT_GT(ordered, 20);
}

// Every other channel of the hidden layer hardly counts: those come to lie side by side.
TEST_F(ChannelOrder, ChannelsThatGoTogetherLieSideBySide) {
  Rng rng(3);
  test::NetworkBuilder build(rng);
  test::Image x = build.Conv(build.Input(4, 6, 6), 8, 3);
  x.id = build.Op("Relu", {x.id});
  x = build.Conv(x, 6, 3);
  build.graph().AddOutput(x.id);
  Graph graph = Canonicalise(build.graph()).value();
  const auto faint = [](int64_t c) { return c % 2 == 1; };
  const auto reader = [&](const Graph& of) {
    return *of.Constant(of.nodes().back().inputs[SynapseProduct::kW]);
  };
  Tensor weights = reader(graph);
  for (int64_t i = 0; i < weights.size(); ++i)
    if (faint(i % 8)) weights.mutable_values<float>()[i] *= 1e-3f;
  Patch patch(graph);
  patch.ReplaceConstant(graph.nodes().back().inputs[SynapseProduct::kW], weights);
  Open(patch.Apply(graph).value(), rng, 200);
  EXPECT_FALSE(Order("synapse").has_value());
  EXPECT_FALSE(Order("channel").has_value());
  const std::optional<Graph> ordered = Order("quad");
  ASSERT_TRUE(ordered.has_value());
  const Tensor now = reader(*ordered);
  for (int64_t c = 0; c < 8; ++c) {
    double square = 0;
    for (int64_t i = c; i < now.size(); i += 8) square += std::pow(now.values<float>()[i], 2);
    EXPECT_EQ(std::sqrt(square) < 0.1, c < 4) << c;
  }
}

}  // namespace
}  // namespace deftnn
