#include "deftnn/ndf/apply_format.h"

#include <gtest/gtest.h>

#include "deftnn/graph/patch.h"
#include "deftnn/runtime/test_networks.h"

namespace deftnn {
namespace {

// Three products in a row, "first", "second" and "third", the second depthwise.
Graph ThreeProducts(Rng& rng) {
  Builder builder(rng);
  const ValueId x = builder.Input({1, 4, 6, 6});
  const ValueId a = builder.AddConv(x, {4, 8});
  const ValueId b = builder.AddDepthwise(a, 8);
  builder.graph.AddOutput(builder.AddConv(b, {8, 3}));
  Patch patch(builder.graph);
  for (int i = 0; i < 3; ++i) {
    Node node = builder.graph.node(i);
    node.name = std::vector{"first", "second", "third"}[i];
    patch.ReplaceNode(i, std::move(node));
  }
  return patch.Apply(builder.graph).value();
}

std::vector<Format> WeightFormats(const Graph& graph) {
  std::vector<Format> formats;
  for (const Node& node : graph.nodes()) formats.push_back(WeightFormat(graph, node));
  return formats;
}

TEST(ApplyFormat, EachNodeGetsTheFormatThatIsChosenForIt) {
  Rng rng(1);
  const Graph graph = ThreeProducts(rng);
  constexpr Format k32 = Format::kFp32, k16 = Format::kDfp16;
  FormatChoice mixed(k16);
  mixed.in_fp32 = {"second"};
  const Graph formatted = ApplyFormat(graph, mixed).value();
  EXPECT_EQ(WeightFormats(formatted), (std::vector<Format>{k16, k32, k16}));
  EXPECT_EQ(WeightFormats(ApplyFormat(graph, k16).value()), (std::vector<Format>{k16, k16, k16}));
  // Back again: what was rounded stays rounded.
  const Graph back = ApplyFormat(formatted, k32).value();
  EXPECT_EQ(WeightFormats(back), (std::vector<Format>{k32, k32, k32}));
  const auto weights = [](const Graph& g, int node) {
    const auto values = g.Constant(g.node(node).inputs[1])->values<float>();
    return std::vector<float>(values.begin(), values.end());
  };
  EXPECT_EQ(weights(back, 1), weights(graph, 1));
  EXPECT_NE(weights(back, 0), weights(graph, 0));
}

TEST(ApplyFormat, AChoiceIsReadBackFromTheGraph) {
  Rng rng(2);
  const Graph graph = ThreeProducts(rng);
  EXPECT_EQ(NameOf(FormatsOf(graph)), "fp32");
  EXPECT_TRUE(FormatsOf(graph).all_fp32());
  EXPECT_EQ(NameOf(FormatsOf(ApplyFormat(graph, Format::kDfp16).value())), "dfp16");
  FormatChoice mixed(Format::kDfp16);
  mixed.in_fp32 = {"first", "third"};
  const FormatChoice read = FormatsOf(ApplyFormat(graph, mixed).value());
  EXPECT_EQ(read.common, Format::kDfp16);
  EXPECT_EQ(read.in_fp32, mixed.in_fp32);
  EXPECT_EQ(NameOf(read), "mixed");
}

}  // namespace
}  // namespace deftnn
