#include "deftnn/ops/depthwise_conv.h"

#include <gtest/gtest.h>

#include "deftnn/ops/test_nodes.h"

namespace deftnn {
namespace {

using test::Ints;
using test::Normal;

Result<std::vector<Tensor>> RunDepthwise(const std::vector<Tensor>& inputs, Attributes attributes) {
  Node node = test::MakeNode(std::string(kDepthwiseConv), inputs.size(), std::move(attributes));
  node.domain = kDeftnnDomain;
  std::vector<const Tensor*> pointers;
  for (const Tensor& input : inputs) pointers.push_back(&input);
  return EvaluateNode(node, pointers);
}

TEST(DepthwiseConv, IsConvWithOneGroupAChannelAndAnActivation) {
  for (uint64_t seed = 1; seed <= 30; ++seed) {
    SCOPED_TRACE(seed);
    Rng rng(seed);
    const bool flat = rng.Below(4) == 0;
    const int64_t channels = rng.Between(2, 6);
    Shape x{rng.Between(1, 2), channels}, w{channels, 1};
    Attributes attributes;
    Ints pads, strides, dilations;
    for (int axis = flat ? 1 : 0; axis < 2; ++axis) {
      x.push_back(rng.Between(5, 9));
      w.push_back(rng.Between(1, 3));
      strides.push_back(rng.Between(1, 2));
      dilations.push_back(rng.Between(1, 2));
    }
    for (size_t i = 0; i < 2 * strides.size(); ++i) pads.push_back(rng.Below(3));
    attributes["kernel_shape"] = Ints(w.begin() + 2, w.end());
    attributes["pads"] = pads;
    attributes["strides"] = strides;
    attributes["dilations"] = dilations;
    std::vector<Tensor> inputs{Normal(rng, x), Normal(rng, w)};
    if (rng.Below(2) == 0) inputs.push_back(Normal(rng, {channels}));
    Attributes of_conv = attributes;
    of_conv["group"] = channels;
    const Tensor expected = test::RunOp("Relu", {test::RunOp("Conv", inputs, of_conv)});
    attributes["activation"] = std::string("Relu");
    const auto got = RunDepthwise(inputs, attributes);
    ASSERT_TRUE(got.ok()) << got.status().ToString();
    const auto values = expected.values<float>();
    test::ExpectFloats((*got)[0], expected.shape(), {values.begin(), values.end()}, 1e-5f);
  }
}

TEST(DepthwiseConv, RefusesWhatDoesNotFit) {
  const Tensor x = Tensor::Zeros(ElementType::kFloat32, {1, 3, 5, 5});
  const Tensor w = Tensor::Zeros(ElementType::kFloat32, {3, 1, 3, 3});
  const Attributes good{{"kernel_shape", Ints{3, 3}}};
  EXPECT_TRUE(RunDepthwise({x, w}, good).ok());
  EXPECT_FALSE(RunDepthwise({x, w}, {}).ok());
  EXPECT_FALSE(
      RunDepthwise({x, w}, {{"kernel_shape", Ints{3, 3}}, {"activation", std::string("Round")}})
          .ok());
  EXPECT_FALSE(RunDepthwise({x, Tensor::Zeros(ElementType::kFloat32, {2, 1, 3, 3})}, good).ok());
  EXPECT_FALSE(RunDepthwise({x, w, Tensor::Zeros(ElementType::kFloat32, {2})}, good).ok());
}

}  // namespace
}  // namespace deftnn
