#include "deftnn/passes/permute_channels.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "deftnn/ops/synapse_product.h"
#include "deftnn/passes/passes.h"
#include "deftnn/passes/random_network_test.h"

namespace deftnn {
namespace {

using test::ExpectSameOutputs;
using test::Image;
using test::NetworkBuilder;
using test::RandomInputs;
using test::RandomNetwork;

ChannelPermutation PermutationOf(const Graph& graph) {
  const auto infos = InferShapes(graph, DefaultInputs(graph));
  EXPECT_TRUE(infos.ok()) << infos.status().ToString();
  return ChannelPermutation(graph, *infos);
}

/// Every set in a random order.
Graph Shuffled(const Graph& graph, ChannelPermutation& permutation, Rng& rng) {
  for (size_t set = 0; set < permutation.sets().size(); ++set) {
    std::vector<ChannelId> order = permutation.sets()[set];
    for (size_t i = order.size() - 1; i > 0; --i) std::swap(order[i], order[rng.Below(i + 1)]);
    permutation.Reorder(set, order);
  }
  auto shuffled = permutation.Apply(graph);
  EXPECT_TRUE(shuffled.ok()) << shuffled.status().ToString();
  return std::move(shuffled).value();
}

Graph Finished(NetworkBuilder& build, ValueId output) {
  build.graph().AddOutput(output);
  auto canonical = Canonicalise(build.graph());
  EXPECT_TRUE(canonical.ok()) << canonical.status().ToString();
  return std::move(canonical).value();
}

TEST(PermuteChannels, RandomNetworksComputeTheSame) {
  int64_t moved = 0;
  for (uint64_t seed = 1; seed <= 150; ++seed) {
    SCOPED_TRACE(seed);
    Rng rng(seed);
    const auto graph = Canonicalise(RandomNetwork(rng));
    ASSERT_TRUE(graph.ok()) << graph.status().ToString();
    ChannelPermutation permutation = PermutationOf(*graph);
    const Graph shuffled = Shuffled(*graph, permutation, rng);
    for (const auto& set : permutation.sets()) moved += std::ssize(set);
    ExpectSameOutputs(*graph, shuffled, RandomInputs(*graph, rng, 2), 1e-5);
  }
  EXPECT_GT(moved, 150 * 8);
}

// Two readers of one residual stream, a concatenation, a depthwise convolution and pooling: every
// channel but the outputs' can move, and the values within are what they were, elsewhere.
TEST(PermuteChannels, BranchesAreOneSetAndPartsOfAConcatenationTwo) {
  for (uint64_t seed = 1; seed <= 20; ++seed) {
    SCOPED_TRACE(seed);
    Rng rng(seed);
    NetworkBuilder build(rng);
    const Image x = build.Input(3, 8, 8, 2);
    Image stem = build.Conv(x, 6, 3);
    stem.id = build.Op("Relu", {stem.id});
    Image inner = build.Conv(stem, 5, 3);
    inner.id = build.Op("Relu", {inner.id});
    Image sum = build.Conv(inner, 6, 3);
    sum.id = build.Op("Add", {sum.id, stem.id});
    Image a = build.Conv(sum, 4, 1), b = build.Conv(sum, 7, 1);
    a.id = build.Op("Relu", {a.id});
    b.id = build.Op("Relu", {b.id});
    Image both = {build.Op("Concat", {a.id, b.id}, {{"axis", int64_t{1}}}), 11, 8, 8};
    both = build.Conv(both, 11, 3, 11);
    both.id = build.Op("GlobalAveragePool", {both.id});
    const ValueId rows = build.Op("Flatten", {both.id});
    const Graph graph = Finished(build, build.Dense(rows, 11, 4));
    ChannelPermutation permutation = PermutationOf(graph);
    std::vector<size_t> sizes;
    for (const auto& set : permutation.sets()) sizes.push_back(set.size());
    std::sort(sizes.begin(), sizes.end());
    EXPECT_EQ(sizes, (std::vector<size_t>{4, 5, 6, 7}));
    const Graph shuffled = Shuffled(graph, permutation, rng);
    ExpectSameOutputs(graph, shuffled, RandomInputs(graph, rng, 2), 1e-5);
    // Sources are what each value's positions held before: seen by making the values outputs.
    Graph before = graph, after = shuffled;
    std::vector<std::vector<int64_t>> sources;
    for (const Node& node : graph.nodes()) {
      const ValueId id = node.outputs[0];
      if (permutation.SourcesOf(id).empty() || graph.IsOutput(id)) continue;
      sources.push_back(permutation.SourcesOf(id));
      before.AddOutput(id);
      after.AddOutput(after.Find(graph.value(id).name));
    }
    const std::vector<Tensor> inputs = RandomInputs(graph, rng, 2);
    const auto old_values = EvaluateGraph(before, inputs), values = EvaluateGraph(after, inputs);
    ASSERT_TRUE(old_values.ok() && values.ok());
    for (size_t v = 0; v < sources.size(); ++v) {
      const Tensor& now = (*values)[v + 1];
      const int64_t channels = now.dim(1), plane = now.size() / now.dim(0) / channels;
      for (int64_t i = 0; i < now.size(); ++i) {
        const int64_t c = i / plane % channels;
        ASSERT_NEAR(now.values<float>()[i],
                    (*old_values)[v + 1].values<float>()[i + (sources[v][c] - c) * plane], 1e-4);
      }
    }
  }
}

// x -> h -> sum = conv(h) + h with channels of zeros on both sides, as a ResNet without projections
// has it: h's channels are one set, those that only the convolution makes another.
TEST(PermuteChannels, AShortcutPaddedWithChannelsOfZeros) {
  for (uint64_t seed = 1; seed <= 20; ++seed) {
    SCOPED_TRACE(seed);
    Rng rng(seed);
    NetworkBuilder build(rng);
    Image h = build.Conv(build.Input(3, 8, 8, 2), 4, 3);
    h.id = build.Op("Relu", {h.id});
    Image sum = build.Conv(h, 7, 3);
    const ValueId padded = build.Op("Pad", {h.id, build.Ints({0, 2, 0, 0, 0, 1, 0, 0})});
    sum.id = build.Op("Relu", {build.Op("Add", {sum.id, padded})});
    const Graph graph = Finished(build, build.Conv(sum, 3, 3).id);
    ChannelPermutation permutation = PermutationOf(graph);
    ASSERT_EQ(permutation.sets().size(), 2u);
    EXPECT_EQ(permutation.sets()[0].size() + permutation.sets()[1].size(), 7u);
    const Graph shuffled = Shuffled(graph, permutation, rng);
    ExpectSameOutputs(graph, shuffled, RandomInputs(graph, rng, 2), 1e-5);
  }
}

TEST(PermuteChannels, WhatSomebodyElseReadsStays) {
  Rng rng(1);
  NetworkBuilder build(rng);
  Image x = build.Conv(build.Input(3, 6, 6, 2), 6, 3);
  build.graph().AddOutput(x.id);  // an output of the network
  x.id = build.Op("Relu", {x.id});
  x = build.Conv(x, 8, 3);
  x.id = build.Op("LRN", {x.id}, {{"size", int64_t{3}}});  // neighbours count
  x = build.Conv(x, 6, 3);
  x = build.Conv(x, 4, 3, 2);  // groups
  const Graph graph = Finished(build, x.id);
  EXPECT_TRUE(PermutationOf(graph).sets().empty());
}

TEST(PermuteChannels, ChannelsOfAReducedProductStay) {
  Rng rng(1);
  NetworkBuilder build(rng);
  Image x = build.Conv(build.Input(3, 6, 6, 2), 6, 3);
  x.id = build.Op("Relu", {x.id});
  x = build.Conv(x, 5, 1);
  Graph graph = Finished(build, x.id);
  ASSERT_EQ(PermutationOf(graph).sets().size(), 1u);
  const int index = static_cast<int>(graph.nodes().size()) - 1;
  Node node = graph.node(index);
  ASSERT_TRUE(IsSynapseProduct(node));
  Patch patch(graph);
  node.inputs[SynapseProduct::kW] =
      patch.AddConstant("w", Tensor::Zeros(ElementType::kFloat32, {5, 2}));
  node.inputs[SynapseProduct::kKept] = patch.AddConstant("kept", Tensor::Of<int32_t>({2}, {1, 3}));
  patch.ReplaceNode(index, node);
  graph = patch.Apply(graph).value();
  EXPECT_TRUE(PermutationOf(graph).sets().empty());
}

}  // namespace
}  // namespace deftnn
