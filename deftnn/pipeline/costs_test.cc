#include "deftnn/pipeline/costs.h"

#include <gtest/gtest.h>

#include <filesystem>

#include "deftnn/passes/passes.h"
#include "deftnn/passes/random_network_test.h"
#include "deftnn/pipeline/depthwise_network_test.h"

namespace deftnn {
namespace {

constexpr Format kFormat = Format::kDfp16;

// Two convolutions, the second of 3x3 over 64 channels.
struct Network {
  Network() {
    Rng rng(3);
    test::NetworkBuilder build(rng);
    test::Image x = build.Conv(build.Input(8, 6, 6), 64, 1);
    x.id = build.Op("Relu", {x.id});
    build.graph().AddOutput(build.Conv(x, 32, 3).id);
    graph = Canonicalise(build.graph()).value();
    infos = InferShapes(graph, DefaultInputs(graph, 1)).value();
    layers = ListLayers(graph, infos).value();
  }
  CostModel Costs(CostTable& table) const {
    return CostModel::Measure(graph, infos, 1, layers, {Format::kDfp16, {}}, {"pair", "hardware32"},
                              table)
        .value();
  }

  Graph graph;
  std::vector<ValueInfo> infos;
  std::vector<Layer> layers;
};

TEST(CostModel, CountsMultiplyAdds) {
  const Network network;
  const CostModel costs = CostModel::CountMacs(network.layers);
  for (size_t i = 0; i < network.layers.size(); ++i) {
    const auto macs = static_cast<double>(network.layers[i].macs());
    EXPECT_DOUBLE_EQ(costs.Cost(i, kFormat, 1, {}), macs);
    EXPECT_DOUBLE_EQ(costs.Cost(i, kFormat, 0.5, {0.5, 0.3, 0}), 0.5 * 0.5 * 0.3 * macs);
    EXPECT_DOUBLE_EQ(costs.Cost(i, kFormat, 0.5, {0.5, 0.3, 1}), 0.5 * 0.5 * 0.3 * macs);
  }
}

TEST(CostModel, OffersChannelsThatFillVectorsWhereSomebodyMakesThem) {
  const Network network;
  ASSERT_EQ(network.layers.size(), 2U);
  CostTable table(SelectedIsa().value());
  const CostModel costs = network.Costs(table);
  EXPECT_EQ(costs.channel_levels(0), std::vector<double>{1.0});
  const std::vector<double>& levels = costs.channel_levels(1);
  ASSERT_GT(levels.size(), 2U);
  EXPECT_EQ(levels.front(), 1.0);
  for (size_t i = 1; i < levels.size(); ++i) {
    EXPECT_LT(levels[i], levels[i - 1]);
    EXPECT_EQ(std::fmod(64 * levels[i], 4), 0);
  }
}

// What is measured is what the table has, at the points where it was measured.
TEST(CostModel, GivesTheTablesTimesBack) {
  const Network network;
  CostTable table(SelectedIsa().value());
  const CostModel costs = network.Costs(table);
  const Node& node = network.graph.node(network.graph.FindNode(network.layers[1].name));
  ProductGeometry product = GeometryOf(network.graph, network.infos, node, Format::kDfp16).value();
  const auto ms = [&] { return table.Ms(std::span(&product, 1)).front(); };
  EXPECT_DOUBLE_EQ(costs.Cost(1, kFormat, 1, {}), ms());
  // Every other group of two, and of 32.
  for (const int grouping : {0, 1}) {
    const int64_t width = grouping == 0 ? 2 : 32;
    product.spec.entries.clear();
    for (int64_t k = 0; k < network.layers[1].full_k; ++k)
      if (k / width % 2 == 1) product.spec.entries.push_back(k);
    EXPECT_DOUBLE_EQ(costs.Cost(1, kFormat, 1, {1.0, 0.5, grouping}), ms()) << width;
  }
}

// What is no layer is timed within its network.
TEST(CostModel, KnowsBothFormatsOfWhatIsOpen) {
  const test::DepthwiseNetwork network(4);
  const auto& [graph, infos, layers, depthwise] = network;
  ASSERT_EQ(network.Offers(1, 1).harm.size(), 2U);
  CostTable table(SelectedIsa().value());
  const CostModel costs =
      CostModel::Measure(graph, infos, 1, layers, network.Offers(1, 1), {"pair"}, table).value();
  const Node& layer = graph.node(graph.FindNode(layers[0].name));
  EXPECT_EQ(costs.OtherNodes(), std::vector<std::string>{depthwise});
  for (const Format format : {Format::kFp32, Format::kDfp16}) {
    ProductGeometry product = GeometryOf(graph, infos, layer, format).value();
    EXPECT_EQ(costs.Cost(0, format, 1, {}), table.Ms(std::span(&product, 1)).front());
    EXPECT_GT(costs.CostOfOther(depthwise, format), 0);
    EXPECT_EQ(costs.CostOfOther(depthwise, format),
              table.NodesMs(graph, 1, format, {depthwise}).value().front());
  }
}

TEST(CostTable, WhatWasWrittenNeedNotBeMeasuredAgain) {
  const Network network;
  const std::string path = testing::TempDir() + "/deftnn_costs_test.json";
  CostTable table(SelectedIsa().value());
  const CostModel measured = network.Costs(table);
  EXPECT_TRUE(table.changed());
  ASSERT_TRUE(table.Write(path).ok());
  CostTable again(SelectedIsa().value());
  ASSERT_TRUE(again.Read(path).ok());
  const CostModel read = network.Costs(again);
  EXPECT_FALSE(again.changed());
  for (size_t i = 0; i < network.layers.size(); ++i) {
    for (const KeptFraction& kept :
         {KeptFraction{}, {0.5, 1.0, 0}, {1.0, 0.86, 0}, {1.0, 0.3, 1}, {0.5, 0.5, 1}})
      EXPECT_EQ(measured.Cost(i, kFormat, 0.7, kept), read.Cost(i, kFormat, 0.7, kept));
  }
  std::filesystem::remove(path);
}

}  // namespace
}  // namespace deftnn
