// The network that LibTorch trains, against the plain implementations and finite differences.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "deftnn/graph/patch.h"
#include "deftnn/passes/passes.h"
#include "deftnn/passes/random_network_test.h"
#include "deftnn/runtime/test_networks.h"
#include "deftnn/tune/engine.h"

namespace deftnn {
namespace {

class RebuiltNetwork : public testing::Test {
 protected:
  void SetUp() override {
    const auto engine = OpenTuneEngine();
    if (!engine.ok()) GTEST_SKIP() << engine.status().ToString();
    engine_ = *engine;
  }
  std::unique_ptr<TrainableNetwork> Rebuild(const Graph& graph) {
    auto network = engine_->rebuild(graph, graph.outputs(), 1);
    EXPECT_TRUE(network.ok()) << network.status().ToString();
    return network.ok() ? std::move(network).value() : nullptr;
  }
  void ExpectPlainOutputs(const Graph& graph, const std::vector<Tensor>& inputs) {
    const auto network = Rebuild(graph);
    ASSERT_NE(network, nullptr);
    const auto wanted = EvaluateGraph(graph, inputs);
    ASSERT_TRUE(wanted.ok()) << wanted.status().ToString();
    const auto made = network->Forward(inputs);
    ASSERT_TRUE(made.ok()) << made.status().ToString();
    ASSERT_EQ(made->size(), wanted->size());
    for (size_t o = 0; o < made->size(); ++o) {
      ASSERT_EQ((*made)[o].shape(), (*wanted)[o].shape());
      const auto a = (*made)[o].values<float>(), b = (*wanted)[o].values<float>();
      for (size_t i = 0; i < a.size(); ++i) ASSERT_NEAR(a[i], b[i], 2e-4 * (1 + std::abs(b[i])));
    }
  }
  const TuneEngine* engine_ = nullptr;
};

std::vector<Tensor> Pictures(Rng& rng, const Shape& shape) { return {RandomTensor(shape, rng)}; }

TEST_F(RebuiltNetwork, MakesThePlainOutputsOfRandomNetworks) {
  for (uint64_t seed = 1; seed <= 25; ++seed) {
    SCOPED_TRACE(testing::Message() << "seed " << seed);
    Rng rng(seed);
    const auto graph = Canonicalise(test::RandomNetwork(rng));
    ASSERT_TRUE(graph.ok()) << graph.status().ToString();
    ExpectPlainOutputs(*graph, test::RandomInputs(*graph, rng, 2));
  }
}

TEST_F(RebuiltNetwork, ReadsTheKeptEntriesOfConvolutions) {
  for (uint64_t seed = 1; seed <= 20; ++seed) {
    SCOPED_TRACE(testing::Message() << "seed " << seed);
    Rng rng(seed);
    Builder build(rng);
    const int axes = rng.Below(4) == 0 ? 1 : 2;
    const Shape shape = axes == 1 ? Shape{2, 4, 11} : Shape{2, 4, 9, 10};
    ValueId x = build.Input(shape);
    x = build.AddConv(x,
                      {.channels = 4,
                       .outputs = 6,
                       .kernel = 3,
                       .stride = rng.Between(1, 2),
                       .pad = rng.Between(0, 2),
                       .dilation = rng.Between(1, 2),
                       .groups = rng.Between(1, 2),
                       .keep = 0.5},
                      axes);
    const ValueId y =
        build.AddConv(x, {.channels = 6, .outputs = 6, .kernel = 1, .pad = 0, .keep = 0.7}, axes);
    const ValueId z =
        build.AddConv(y, {.channels = 6, .outputs = 6, .keep = 0.5, .residual = x}, axes);
    build.graph.AddOutput(z);
    ExpectPlainOutputs(build.graph, Pictures(rng, shape));
  }
}

TEST_F(RebuiltNetwork, ReadsBlocksOfChannelsAndWholeChannels) {
  Rng rng(7);
  for (const std::vector<int32_t>& kept : {std::vector<int32_t>{0, 3, 4, 7, 8, 11, 12, 17},
                                           {0, 2, 3, 5, 6, 8, 9, 11, 12, 14, 15, 17}}) {
    Builder build(rng);
    const ValueId x = build.Input({1, 4, 6, 6});
    build.graph.AddOutput(build.AddConv(x, {.channels = 4, .outputs = 5}));
    Graph graph = build.graph;
    Node node = graph.node(0);
    // Groups of two entries; the second table keeps channels 0 and 1 at every other position.
    node.attributes["group_size"] = int64_t{2};
    const int64_t count = std::ssize(kept);
    node.inputs[SynapseProduct::kW] = graph.AddConstant("w2", RandomTensor({5, 2 * count}, rng));
    node.inputs[SynapseProduct::kKept] =
        graph.AddConstant("kept2", Tensor::Of<int32_t>({count}, kept));
    Patch patch(graph);
    patch.ReplaceNode(0, node);
    const auto patched = patch.Apply(graph);
    ASSERT_TRUE(patched.ok());
    ExpectPlainOutputs(*patched, Pictures(rng, {1, 4, 6, 6}));
  }
}

// Half the squared outputs' gradient, against central differences.
TEST_F(RebuiltNetwork, GivesTheGradientsOfFiniteDifferences) {
  Rng rng(11);
  Builder build(rng);
  ValueId x = build.Input({2, 4, 6, 6});
  x = build.AddConv(x, {.channels = 4, .outputs = 4, .keep = 0.6, .activation = Activation::kTanh});
  x = build.AddConv(
      x,
      {.channels = 4, .outputs = 4, .stride = 2, .keep = 0.5, .activation = Activation::kSigmoid});
  x = build.AddDepthwise(x, 4);
  x = build.AddOp("GlobalAveragePool", {x});
  x = build.AddOp("Flatten", {x});
  build.graph.AddOutput(build.AddMatmul(x, 4, 3, 0.8, Activation::kGelu));
  const std::vector<Tensor> inputs = Pictures(rng, {2, 4, 6, 6});
  const auto network = Rebuild(build.graph);
  ASSERT_NE(network, nullptr);
  const auto half_square = [&] {
    const auto made = network->Forward(inputs);
    EXPECT_TRUE(made.ok());
    double sum = 0;
    for (const float v : (*made)[0].values<float>()) sum += 0.5 * double{v} * v;
    return sum;
  };
  const auto made = network->Forward(inputs);
  ASSERT_TRUE(made.ok());
  std::vector<std::vector<float>> gradients;
  for (const TrainableConstant& one : network->constants()) gradients.emplace_back(one.size());
  ASSERT_TRUE(network->Backward(*made, gradients).ok());
  ASSERT_EQ(network->constants().size(), 8u);
  constexpr float kStep = 1e-2f;
  for (size_t c = 0; c < gradients.size(); ++c) {
    const Tensor& constant = *build.graph.Constant(network->constants()[c].id);
    std::vector<float> values(constant.values<float>().begin(), constant.values<float>().end());
    for (size_t i = 0; i < values.size(); i += 1 + values.size() / 7) {
      const float before = values[i];
      values[i] = before + kStep;
      network->Set(c, values);
      const double up = half_square();
      values[i] = before - kStep;
      network->Set(c, values);
      const double down = half_square();
      values[i] = before;
      network->Set(c, values);
      const double slope = (up - down) / (2 * kStep);
      EXPECT_NEAR(gradients[c][i], slope, 4e-3 * (std::abs(slope) + 0.05))
          << network->constants()[c].name << "[" << i << "]";
    }
  }
}

TEST_F(RebuiltNetwork, SaysWhereGradientsEnd) {
  Rng rng(3);
  Builder build(rng);
  ValueId x = build.Input({1, 4, 6, 6});
  x = build.AddConv(x, {.channels = 4, .outputs = 4});
  x = build.AddOp("LRN", {x}, {{"size", int64_t{3}}});
  x = build.AddConv(x, {.channels = 4, .outputs = 4});
  build.graph.AddOutput(x);
  const auto network = Rebuild(build.graph);
  ASSERT_NE(network, nullptr);
  EXPECT_EQ(network->constants().size(), 2u);  // of the second convolution
  ASSERT_EQ(network->warnings().size(), 1u);
  EXPECT_THAT(network->warnings()[0], testing::HasSubstr("LRN"));
  ExpectPlainOutputs(build.graph, Pictures(rng, {1, 4, 6, 6}));
}

}  // namespace
}  // namespace deftnn
