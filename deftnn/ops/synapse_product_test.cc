#include "deftnn/ops/synapse_product.h"

#include <gtest/gtest.h>

namespace deftnn {
namespace {

TEST(SynapseProduct, EliminatedMatmulReadsOnlyTheKeptEntries) {
  Graph graph;
  const ValueId x = graph.AddValue("x", ElementType::kFloat32, Shape{2, 4});
  graph.AddInput(x);
  const ValueId w = graph.AddConstant("w", Tensor::Of<float>({1, 2}, std::vector<float>{10, 100}));
  const ValueId kept =
      graph.AddConstant("kept", Tensor::Of<int32_t>({2}, std::vector<int32_t>{1, 3}));
  const ValueId y = graph.AddValue("y");
  Node node{"fc", std::string(kDeftnnDomain), std::string(kSynapseProduct), {x, w, kept}, {y}, {}};
  node.attributes["kind"] = std::string("matmul");
  node.attributes["channels"] = int64_t{4};
  graph.AddNode(node);
  graph.AddOutput(y);
  const auto out =
      EvaluateGraph(graph, {Tensor::Of<float>({2, 4}, std::vector<float>{1, 2, 3, 4, 5, 6, 7, 8})});
  ASSERT_TRUE(out.ok()) << out.status().ToString();
  EXPECT_EQ((*out)[0].shape(), (Shape{2, 1}));
  EXPECT_EQ((*out)[0].values<float>()[0], 420.0f);
  EXPECT_EQ((*out)[0].values<float>()[1], 860.0f);
}

}  // namespace
}  // namespace deftnn
