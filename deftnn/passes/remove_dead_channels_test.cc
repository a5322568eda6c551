#include <gtest/gtest.h>

#include <set>

#include "deftnn/ops/depthwise_conv.h"
#include "deftnn/ops/synapse_product.h"
#include "deftnn/passes/passes.h"
#include "deftnn/passes/random_network_test.h"

namespace deftnn {
namespace {

using test::CountParameters;
using test::ExpectSameOutputs;
using test::Image;
using test::NetworkBuilder;
using test::RandomInputs;
using test::RandomNetwork;

Graph Cut(const Graph& graph) {
  const Pass* pass = FindPass("remove_dead_channels");
  auto cut = RunPasses(graph, std::span(&pass, 1));
  EXPECT_TRUE(cut.ok()) << cut.status().ToString();
  return cut.ok() ? *cut : graph;
}

/// Drops the K groups that `drops` names (position and first channel), as an elimination would.
template <typename Drops>
void Eliminate(Graph& graph, int index, int64_t group_size, Drops drops) {
  Node node = graph.node(index);
  const SynapseProduct product = SynapseProduct::Read(node).value();
  const Tensor& w = *graph.Constant(node.inputs[SynapseProduct::kW]);
  std::vector<int64_t> columns;
  std::vector<int32_t> kept;
  for (int64_t g = 0; g < w.dim(1) / group_size; ++g) {
    const int64_t k = g * group_size;
    if (drops(k / product.channels, k % product.channels)) continue;
    kept.push_back(static_cast<int32_t>(g));
    for (int64_t j = 0; j < group_size; ++j) columns.push_back(k + j);
  }
  Tensor reduced = Tensor::Zeros(ElementType::kFloat32, {w.dim(0), std::ssize(columns)});
  auto to = reduced.mutable_values<float>();
  for (int64_t o = 0; o < w.dim(0); ++o) {
    for (size_t j = 0; j < columns.size(); ++j) {
      to[o * columns.size() + j] = w.values<float>()[o * w.dim(1) + columns[j]];
    }
  }
  Patch patch(graph);
  node.attributes["group_size"] = group_size;
  node.inputs[SynapseProduct::kW] = patch.AddConstant("reduced", std::move(reduced));
  node.inputs[SynapseProduct::kKept] =
      patch.AddConstant("kept", Tensor::Of<int32_t>({std::ssize(kept)}, kept));
  patch.ReplaceNode(index, node);
  graph = patch.Apply(graph).value();
}

TEST(RemoveDeadChannels, RandomNetworksComputeTheSameWithFewerParameters) {
  int shrunk = 0;
  for (uint64_t seed = 1; seed <= 60; ++seed) {
    SCOPED_TRACE(seed);
    Rng rng(seed);
    auto canonical = Canonicalise(RandomNetwork(rng));
    ASSERT_TRUE(canonical.ok()) << canonical.status().ToString();
    Graph graph = *canonical;
    for (int i = 0; i < static_cast<int>(graph.nodes().size()); ++i) {
      if (!IsSynapseProduct(graph.node(i))) continue;
      const SynapseProduct product = SynapseProduct::Read(graph.node(i)).value();
      if (product.groups != 1) continue;
      const int64_t size = product.channels % 2 == 0 && rng.Below(2) == 0 ? 2 : 1;
      // All of some channels, and single entries of others.
      std::vector<bool> dead(product.channels);
      for (size_t c = 0; c < dead.size(); ++c) dead[c] = rng.Below(3) == 0;
      if (size == 2) {
        for (size_t c = 0; c < dead.size(); c += 2) dead[c + 1] = dead[c];
      }
      Eliminate(graph, i, size, [&](int64_t, int64_t c) { return dead[c] || rng.Below(5) == 0; });
    }
    const Graph cut = Cut(graph);
    ExpectSameOutputs(graph, cut, RandomInputs(graph, rng, 2), 1e-6);
    EXPECT_LE(CountParameters(cut), CountParameters(graph));
    shrunk += CountParameters(cut) < CountParameters(graph) ? 1 : 0;
  }
  EXPECT_GT(shrunk, 30);
}

TEST(RemoveDeadChannels, ChainIsCutAtItsProducer) {
  Rng rng(1);
  NetworkBuilder build(rng);
  Image x = build.BatchNorm(build.Conv(build.Input(3, 6, 6), 8, 3));
  x.id = build.Op("Relu", {x.id});
  x = build.BatchNorm(build.Conv(x, 8, 3, 8));  // depthwise
  x.id = build.Op("MaxPool", {x.id}, {{"kernel_shape", std::vector<int64_t>{2, 2}}});
  x.h -= 1;
  x.w -= 1;
  const ValueId rows = build.Op("Reshape", {x.id, build.Ints({-1, x.c * x.h * x.w})});
  build.graph().AddOutput(build.Dense(rows, x.c * x.h * x.w, 3));
  Graph graph = Canonicalise(build.graph()).value();
  // The dense layer is a convolution over the whole image by now, followed by a Flatten of its
  // pixel.
  const int dense = static_cast<int>(graph.nodes().size()) - 2;
  ASSERT_TRUE(IsSynapseProduct(graph.node(dense)));
  const int64_t plane = x.h * x.w;
  Eliminate(graph, dense, 1, [](int64_t, int64_t c) { return c % 2 == 1; });
  const Graph cut = Cut(graph);
  const auto shape = [&](int node, size_t input) {
    return cut.Constant(cut.node(node).inputs[input])->shape();
  };
  EXPECT_EQ(shape(0, SynapseProduct::kW), (Shape{4, 27}));
  EXPECT_EQ(shape(0, SynapseProduct::kBias), (Shape{4}));
  ASSERT_TRUE(IsDepthwiseConv(cut.node(1)));
  EXPECT_EQ(shape(1, DepthwiseConv::kW), (Shape{4, 1, 3, 3}));
  const Node& last = cut.node(static_cast<int>(cut.nodes().size()) - 2);
  EXPECT_EQ(last.Int("channels", 0), 4);
  EXPECT_EQ(cut.Constant(last.inputs[SynapseProduct::kKept])->size(), 4 * plane);
  ExpectSameOutputs(graph, cut, RandomInputs(graph, rng, 2), 1e-6);
}

// The branches of an addition live and die together; what one consumer reads stays for all.
TEST(RemoveDeadChannels, ResidualBranchesAgree) {
  Rng rng(2);
  NetworkBuilder build(rng);
  const Image x = build.Conv(build.Input(3, 6, 6), 6, 3);
  Image y = build.Conv(x, 6, 3);
  y.id = build.Op("Relu", {build.Op("Add", {y.id, x.id})});
  build.graph().AddOutput(build.Conv(y, 2, 1).id);
  Graph graph = Canonicalise(build.graph()).value();
  ASSERT_EQ(graph.nodes().size(), 3u);
  Eliminate(graph, 2, 1, [](int64_t, int64_t c) { return c >= 2; });
  EXPECT_EQ(CountParameters(Cut(graph)), CountParameters(graph));  // the second product reads all
  Eliminate(graph, 1, 1, [](int64_t, int64_t c) { return c == 0 || c == 5; });
  const Graph cut = Cut(graph);
  EXPECT_EQ(cut.Constant(cut.node(0).inputs[1])->dim(0), 5);
  EXPECT_EQ(cut.Constant(cut.node(1).inputs[1])->dim(0), 5);
  EXPECT_EQ(cut.node(1).Int("channels", 0), 5);
  ExpectSameOutputs(graph, cut, RandomInputs(graph, rng, 2), 1e-6);
}

TEST(RemoveDeadChannels, AlignedGroupsKeepTheirSize) {
  for (const bool aligned : {true, false}) {
    SCOPED_TRACE(aligned);
    Rng rng(3);
    NetworkBuilder build(rng);
    const Image x = build.Conv(build.Input(2, 5, 5), 16, 3);
    const Image y = build.Conv(x, 3, 3);
    build.graph().AddOutput(y.id);
    Graph graph = Canonicalise(build.graph()).value();
    if (aligned) {
      Eliminate(graph, 1, 4, [](int64_t p, int64_t c) { return c / 4 == 1 || (p == 2 && c == 0); });
    } else {
      Eliminate(graph, 1, 1, [](int64_t, int64_t c) { return c == 5; });
    }
    const Graph cut = Cut(graph);
    const Node& last = cut.node(1);
    EXPECT_EQ(last.Int("channels", 0), aligned ? 12 : 15);
    EXPECT_EQ(last.Int("group_size", 0), aligned ? 4 : 1);
    EXPECT_EQ(cut.Constant(last.inputs[SynapseProduct::kKept])->size(), aligned ? 26 : 135);
    ExpectSameOutputs(graph, cut, RandomInputs(graph, rng, 2), 1e-6);
  }
}

TEST(RemoveDeadChannels, OneChannelStaysWhereNoneIsRead) {
  Rng rng(4);
  NetworkBuilder build(rng);
  const Image x = build.Conv(build.Input(3, 5, 5), 4, 3);
  build.graph().AddOutput(build.Conv(x, 2, 1).id);
  Graph graph = Canonicalise(build.graph()).value();
  Eliminate(graph, 1, 1, [](int64_t, int64_t) { return true; });
  const Graph cut = Cut(graph);
  EXPECT_EQ(cut.Constant(cut.node(0).inputs[1])->dim(0), 1);
  ExpectSameOutputs(graph, cut, RandomInputs(graph, rng, 2), 1e-6);
}

// Two layers that share a constant but not the fate of its channels get one each.
TEST(RemoveDeadChannels, SharedConstantsPart) {
  Rng rng(5);
  NetworkBuilder build(rng);
  const Image in = build.Input(3, 5, 5);
  const ValueId bias = build.Floats({4}), weights = build.Floats({4, 3, 1, 1});
  std::vector<ValueId> branches;
  for (int i = 0; i < 2; ++i) {
    const Image x{build.Op("Conv", {in.id, weights, bias}), 4, 5, 5};
    branches.push_back(build.Conv(x, 2, 1).id);
  }
  for (ValueId id : branches) build.graph().AddOutput(id);
  Graph graph = Canonicalise(build.graph()).value();
  const int reader = graph.Consumers(graph.node(0).outputs[0])[0];
  Eliminate(graph, reader, 1, [](int64_t, int64_t c) { return c == 1; });
  const Graph cut = Cut(graph);
  std::multiset<int64_t> outputs;
  for (const Node& node : cut.nodes()) {
    if (node.has_input(0) && node.inputs[0] == cut.inputs()[0]) {
      outputs.insert(cut.Constant(node.inputs[1])->dim(0));
    }
  }
  EXPECT_EQ(outputs, (std::multiset<int64_t>{3, 4}));
  ExpectSameOutputs(graph, cut, RandomInputs(graph, rng, 2), 1e-6);
}

}  // namespace
}  // namespace deftnn
