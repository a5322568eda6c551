#include "deftnn/pipeline/choose_format.h"

#include <gtest/gtest.h>

#include <numeric>

#include "deftnn/pipeline/network_id.h"
#include "deftnn/runtime/test_networks.h"

namespace deftnn {
namespace {

constexpr int64_t kChannels = 16, kSamplesToChooseOn = 96;

ValueId AddProduct(Graph& graph, ValueId x, const std::string& name,
                   const std::vector<float>& weights) {
  std::vector<int32_t> kept(kChannels);
  std::iota(kept.begin(), kept.end(), 0);
  const ValueId y = graph.AddValue(name);
  graph.AddNode(
      {name,
       std::string(kDeftnnDomain),
       std::string(kSynapseProduct),
       {x, graph.AddConstant("w", Tensor::Of<float>({kChannels, kChannels}, weights)),
        graph.AddConstant("kept", Tensor::Of<int32_t>({kChannels}, kept))},
       {y},
       {{"kind", std::string("matmul")}, {"channels", kChannels}, {"groups", int64_t{1}}}});
  return y;
}

// "spread" makes 128 x_0 + x_i of channels that "difference" subtracts from each other again: it
// must not read them with 8 bits of mantissa. "mix" has nothing particular.
Graph Cancelling(Rng& rng) {
  std::vector<float> adds(kChannels * kChannels, 0.0f), subtracts(kChannels * kChannels, 0.0f);
  std::vector<float> mixes(kChannels * kChannels);
  for (int64_t i = 0; i < kChannels; ++i) {
    adds[i * kChannels] = 128;
    adds[i * kChannels + i] += 1;
    subtracts[i * kChannels + i] = 1;
    subtracts[i * kChannels + (i + 1) % kChannels] = -1;
  }
  for (float& weight : mixes) weight = static_cast<float>(rng.Normal());
  Graph graph;
  const ValueId x = graph.AddValue("x", ElementType::kFloat32, Shape{kDynamic, kChannels});
  graph.AddInput(x);
  const ValueId spread = AddProduct(graph, x, "spread", adds);
  const ValueId difference = AddProduct(graph, spread, "difference", subtracts);
  graph.AddOutput(AddProduct(graph, difference, "mix", mixes));
  return graph;
}

class ChooseFormatTest : public ::testing::Test {
 protected:
  ChooseFormatTest()
      : graph_(Cancelling(rng_)),
        session_(Session::Create(graph_, {.threads = 1}).value()),
        data_(Dataset::Of({{"x", RandomTensor({kSamplesToChooseOn, kChannels}, rng_)}}).value()),
        reference_(RunOver(*session_, data_).value()),
        yardstick_(ChooseYardstick("relative-l2", "", false).value()),
        score_(ScoreOutputs(reference_, &reference_, data_, yardstick_, {"y"}).value()),
        costs_(session_->isa()) {}

  // As if it had been measured.
  void SetSpeedup(const FormatChoice& choice, double ratio) {
    costs_.SetSpeedup(
        fmt::format("{} over {}, batch 1", NetworkId(ApplyFormat(graph_, choice).value()).value(),
                    NetworkId(graph_).value()),
        ratio);
  }

  ChosenFormat Choose(double allowed_points) {
    auto chosen = ChooseFormat({.original = *session_,
                                .selection = data_,
                                .reference = reference_,
                                .score = score_,
                                .yardstick = yardstick_,
                                .output_names = {"y"},
                                .allowed_points = allowed_points,
                                .batch = 1,
                                .seed = 1,
                                .costs = costs_});
    EXPECT_TRUE(chosen.ok()) << chosen.status().ToString();
    return std::move(chosen).value();
  }

  Rng rng_{5};
  Graph graph_;
  std::unique_ptr<Session> session_;
  Dataset data_;
  Outputs reference_;
  Yardstick yardstick_;
  Score score_;
  CostTable costs_;
};

TEST_F(ChooseFormatTest, TheNodeThatHarmsStaysInFp32) {
  FormatChoice mixed(Format::kDfp16);
  mixed.in_fp32 = {"difference"};
  SetSpeedup(Format::kDfp16, 2.0);
  SetSpeedup(mixed, 1.5);
  const ChosenFormat chosen = Choose(1.0);
  EXPECT_EQ(chosen.choice.common, Format::kDfp16);
  EXPECT_EQ(chosen.choice.in_fp32, mixed.in_fp32);
  ASSERT_EQ(chosen.harms.size(), 3U);
  EXPECT_EQ(chosen.harms[0].node, "difference");
  EXPECT_NE(chosen.why_not.find("points on the selection data"), std::string::npos);
  // The choice keeps what it promises.
  auto session = Session::Create(ApplyFormat(graph_, chosen.choice).value(), {.threads = 1});
  const Outputs outputs = RunOver(**session, data_).value();
  EXPECT_LE(DropOf(outputs, reference_, score_, data_, yardstick_, {"y"})->points, 1.0);
}

TEST_F(ChooseFormatTest, AllOfItWhereThatIsAllowed) {
  SetSpeedup(Format::kDfp16, 2.0);
  const ChosenFormat chosen = Choose(1000);
  EXPECT_EQ(NameOf(chosen.choice), "dfp16");
  EXPECT_EQ(chosen.why_not, "");
  EXPECT_TRUE(chosen.harms.empty());
}

TEST_F(ChooseFormatTest, NoneOfItWhereItIsNotFasterOrAlwaysHarms) {
  SetSpeedup(Format::kDfp16, 0.9);
  const ChosenFormat slow = Choose(1000);
  EXPECT_EQ(NameOf(slow.choice), "fp32");
  EXPECT_TRUE(slow.harms.empty());
  SetSpeedup(Format::kDfp16, 2.0);
  const ChosenFormat harmed = Choose(1e-9);
  EXPECT_EQ(NameOf(harmed.choice), "fp32");
  EXPECT_FALSE(harmed.harms.empty());
}

TEST_F(ChooseFormatTest, AMixThatIsNotFasterIsNoGain) {
  FormatChoice mixed(Format::kDfp16);
  mixed.in_fp32 = {"difference"};
  SetSpeedup(Format::kDfp16, 2.0);
  SetSpeedup(mixed, 0.97);
  EXPECT_EQ(NameOf(Choose(1.0).choice), "fp32");
}

}  // namespace
}  // namespace deftnn
