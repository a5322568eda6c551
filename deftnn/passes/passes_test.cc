#include "deftnn/passes/passes.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "deftnn/graph/verify.h"
#include "deftnn/ops/depthwise_conv.h"
#include "deftnn/ops/synapse_product.h"
#include "deftnn/passes/random_network_test.h"

namespace deftnn {
namespace {

using test::CountOp;
using test::ExpectSameOutputs;
using test::NetworkBuilder;
using test::RandomInputs;
using test::RandomNetwork;

Graph Canonical(const Graph& graph) {
  auto canonical = Canonicalise(graph);
  EXPECT_TRUE(canonical.ok()) << canonical.status().ToString();
  return canonical.ok() ? *canonical : graph;
}

TEST(Passes, CanonicalGraphsComputeTheSame) {
  for (uint64_t seed = 1; seed <= 60; ++seed) {
    SCOPED_TRACE(seed);
    Rng rng(seed);
    const Graph graph = RandomNetwork(rng);
    const Graph canonical = Canonical(graph);
    for (int64_t batch : {1, 3}) {
      ExpectSameOutputs(graph, canonical, RandomInputs(graph, rng, batch));
    }
    for (const char* gone : {"Conv", "Gemm", "MatMul", "Identity", "Dropout", "Reshape", "Shape"}) {
      EXPECT_EQ(CountOp(canonical, gone), 0) << gone;
    }
    std::vector<PassCount> counts;
    ASSERT_TRUE(Canonicalise(canonical, {}, &counts).ok());
    for (const PassCount& count : counts) EXPECT_EQ(count.patches, 0) << count.name;
  }
}

TEST(Passes, EveryPassAloneComputesTheSame) {
  std::set<std::string_view> used;
  for (uint64_t seed = 1; seed <= 25; ++seed) {
    SCOPED_TRACE(seed);
    Rng rng(seed);
    Graph graph = RandomNetwork(rng);
    for (const Pass* pass : AllPasses()) {
      SCOPED_TRACE(pass->name);
      std::vector<PassCount> counts;
      auto after = RunPasses(graph, std::span(&pass, 1), {}, &counts);
      ASSERT_TRUE(after.ok()) << after.status().ToString();
      if (counts[0].patches == 0) continue;
      used.insert(pass->name);
      ExpectSameOutputs(graph, *after, RandomInputs(graph, rng, 2));
      graph = std::move(*after);  // the next pass sees what it usually sees
    }
  }
  for (const char* name : {"fold_shapes", "remove_identity", "lower_products", "fold_batchnorm",
                           "fold_affine", "fuse_residual", "fuse_activation"}) {
    EXPECT_TRUE(used.count(name) == 1) << name;
  }
}

TEST(Passes, StopAtAnyPatchComputesTheSame) {
  Rng rng(4);
  const Graph graph = RandomNetwork(rng);
  std::vector<PassCount> counts;
  ASSERT_TRUE(Canonicalise(graph, {}, &counts).ok());
  int64_t total = 0;
  for (const PassCount& count : counts) total += count.patches;
  ASSERT_GT(total, 5);
  for (int64_t stop = 0; stop <= total; ++stop) {
    SCOPED_TRACE(stop);
    const auto stopped = Canonicalise(graph, {.stop_at_patch = stop}, &counts);
    ASSERT_TRUE(stopped.ok());
    int64_t applied = 0;
    for (const PassCount& count : counts) applied += count.patches;
    EXPECT_EQ(applied, stop);
    ExpectSameOutputs(graph, *stopped, RandomInputs(graph, rng, 1));
  }
  setenv("DEFTNN_STOP_AT_PATCH", "0", 1);
  const auto stopped = Canonicalise(graph);
  unsetenv("DEFTNN_STOP_AT_PATCH");
  ASSERT_TRUE(stopped.ok());
  EXPECT_EQ(stopped->nodes().size(), graph.nodes().size());
}

TEST(Passes, ListIsNamedAndFound) {
  std::set<std::string_view> names;
  for (const Pass* pass : AllPasses()) {
    EXPECT_TRUE(names.insert(pass->name).second);
    EXPECT_FALSE(pass->summary.empty());
    EXPECT_EQ(FindPass(pass->name), pass);
  }
  EXPECT_EQ(FindPass("no such pass"), nullptr);
}

TEST(Passes, ResidualBlockBecomesTwoProducts) {
  Rng rng(1);
  NetworkBuilder build(rng);
  const test::Image x = build.Input(4, 6, 6);
  test::Image y = build.BatchNorm(build.Conv(x, 4, 3));
  y.id = build.Op("Relu", {y.id});
  y = build.BatchNorm(build.Conv(y, 4, 3));
  build.graph().AddOutput(build.Op("Relu", {build.Op("Add", {x.id, y.id})}));
  const Graph canonical = Canonical(build.graph());
  ASSERT_EQ(canonical.nodes().size(), 2u);
  const Node& last = canonical.node(1);
  EXPECT_TRUE(IsSynapseProduct(last));
  EXPECT_TRUE(last.has_input(SynapseProduct::kBias));
  EXPECT_EQ(last.inputs[SynapseProduct::kResidual], canonical.inputs()[0]);
  EXPECT_EQ(last.String("activation", ""), "Relu");
  EXPECT_EQ(canonical.node(0).String("activation", ""), "Relu");
}

TEST(Passes, DepthwiseConvIsLoweredAndFused) {
  Rng rng(1);
  NetworkBuilder build(rng);
  const test::Image x = build.Input(4, 6, 6);
  const test::Image y = build.BatchNorm(build.Conv(x, 4, 3, 4));
  build.graph().AddOutput(build.Op("Relu", {y.id}));
  const Graph canonical = Canonical(build.graph());
  ASSERT_EQ(canonical.nodes().size(), 1u);
  EXPECT_TRUE(IsDepthwiseConv(canonical.node(0)));
  EXPECT_EQ(canonical.node(0).String("activation", ""), "Relu");
  ExpectSameOutputs(build.graph(), canonical, RandomInputs(build.graph(), rng, 2));
}

// A value that somebody else reads too must still be made.
TEST(Passes, WhatIsReadTwiceIsNotFusedAway) {
  Rng rng(2);
  NetworkBuilder build(rng);
  const test::Image x = build.Input(3, 5, 5);
  const test::Image y = build.Conv(x, 3, 3);
  build.graph().AddOutput(build.Op("Relu", {y.id}));
  build.graph().AddOutput(build.BatchNorm(y).id);
  build.graph().AddOutput(y.id);
  const Graph canonical = Canonical(build.graph());
  EXPECT_EQ(CountOp(canonical, "Relu"), 1);
  EXPECT_EQ(CountOp(canonical, "BatchNormalization"), 1);
  ExpectSameOutputs(build.graph(), canonical, RandomInputs(build.graph(), rng, 2));
}

TEST(Passes, BroadcastResidualsAndWideConstantsStay) {
  Rng rng(3);
  NetworkBuilder build(rng);
  const test::Image x = build.Input(3, 5, 5);
  const test::Image pooled{build.Op("GlobalAveragePool", {x.id}), 3, 1, 1};
  const ValueId added = build.Op("Add", {build.Conv(x, 3, 3).id, pooled.id});
  const ValueId wide = build.Op("Mul", {build.Conv(x, 1, 1).id, build.Floats({4, 1, 1})});
  const ValueId map = build.Op("Add", {build.Conv(x, 2, 3).id, build.Floats({2, 5, 5})});
  const ValueId higher = build.Op("Mul", {build.Conv(x, 2, 3).id, build.Floats({1, 1, 1, 1, 1})});
  for (ValueId id : {added, wide, map, higher}) build.graph().AddOutput(id);
  const Graph canonical = Canonical(build.graph());
  EXPECT_EQ(CountOp(canonical, "Add"), 2);
  EXPECT_EQ(CountOp(canonical, "Mul"), 2);
  ExpectSameOutputs(build.graph(), canonical, RandomInputs(build.graph(), rng, 2));
}

TEST(Passes, IdentitiesBetweenInputsAndOutputsStay) {
  Rng rng(4);
  NetworkBuilder build(rng);
  const test::Image x = build.Input(3, 5, 5);
  const ValueId relu = build.Op("Relu", {x.id});
  build.graph().AddOutput(build.Op("Identity", {x.id}));
  build.graph().AddOutput(build.Op("Identity", {relu}));
  build.graph().AddOutput(build.Op("Identity", {relu}));
  build.graph().AddOutput(build.Op("Identity", {build.Floats({2})}));
  const Graph canonical = Canonical(build.graph());
  ExpectSameOutputs(build.graph(), canonical, RandomInputs(build.graph(), rng, 2));
  EXPECT_EQ(canonical.value(canonical.inputs()[0]).name, "x");
}

TEST(Passes, TransposesCancel) {
  Rng rng(5);
  NetworkBuilder build(rng);
  const test::Image x = build.Input(3, 5, 6);
  const std::vector<int64_t> to_last{0, 2, 3, 1}, to_first{0, 3, 1, 2};
  const ValueId there = build.Op("Transpose", {x.id}, {{"perm", to_last}});
  const ValueId back = build.Op("Transpose", {there}, {{"perm", to_first}});
  build.graph().AddOutput(build.Op("Relu", {back}));
  const Graph canonical = Canonical(build.graph());
  EXPECT_EQ(CountOp(canonical, "Transpose"), 0);
  ExpectSameOutputs(build.graph(), canonical, RandomInputs(build.graph(), rng, 2));
}

TEST(Passes, FlattenedTwiceIsFlattenedOnce) {
  Rng rng(7);
  NetworkBuilder build(rng);
  const test::Image x = build.Input(3, 5, 6);
  const ValueId once = build.Op("Flatten", {x.id});
  const ValueId twice = build.Op("Reshape", {once, build.Ints({-1, 90})});
  build.graph().AddOutput(build.Op("Relu", {twice}));
  const Graph canonical = Canonical(build.graph());
  EXPECT_EQ(canonical.nodes().size(), 2u);
  EXPECT_EQ(CountOp(canonical, "Flatten"), 1);
  ExpectSameOutputs(build.graph(), canonical, RandomInputs(build.graph(), rng, 2));
}

TEST(Passes, WeightsBehindConstantNodesAreWeights) {
  Rng rng(6);
  NetworkBuilder build(rng);
  const test::Image x = build.Input(3, 5, 5);
  const ValueId hwio = build.Floats({3, 3, 3, 4});
  const ValueId weights =
      build.Op("Transpose", {hwio}, {{"perm", std::vector<int64_t>{3, 2, 0, 1}}});
  build.graph().AddOutput(build.Op("Conv", {x.id, build.Op("Identity", {weights})},
                                   {{"auto_pad", std::string("SAME_UPPER")}}));
  const Graph canonical = Canonical(build.graph());
  ASSERT_EQ(canonical.nodes().size(), 1u);
  EXPECT_TRUE(IsSynapseProduct(canonical.node(0)));
  ExpectSameOutputs(build.graph(), canonical, RandomInputs(build.graph(), rng, 2));
}

TEST(Passes, GraphThatIsNoneIsRefused) {
  Graph graph;
  const ValueId a = graph.AddValue("a"), b = graph.AddValue("b");
  graph.AddNode({"one", "", "Relu", {a}, {b}, {}});
  graph.AddOutput(b);
  EXPECT_FALSE(Canonicalise(graph).ok());
}

}  // namespace
}  // namespace deftnn
