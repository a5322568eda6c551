// How channels flow through the operators that move elements: labels must be where the channels'
// values went, and must end where a cut would make the node's constants untrue.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "deftnn/ops/test_nodes.h"

namespace deftnn {
namespace {

using test::Int64s;
using test::Ints;

struct Flow {
  ChannelLabels output;
  bool ended = false;  // every channel is needed where it lies
  bool kept = false;   // every channel is needed
};

/// Runs the operator's rule on an input of shape `shape` with one channel per position of `axis`.
Flow Through(const std::string& op, const Shape& shape, int axis, std::vector<Tensor> constants,
             Attributes attributes = {}) {
  Graph graph;
  Node node{"node", "", op, {}, {}, std::move(attributes)};
  node.inputs.push_back(graph.AddValue("x", ElementType::kFloat32, shape));
  for (const Tensor& constant : constants) {
    node.inputs.push_back(constant.defined() ? graph.AddConstant("c", constant) : kNoValue);
  }
  node.outputs.push_back(graph.AddValue("y"));
  std::vector<ValueInfo> infos(node.inputs.size());
  std::vector<const ValueInfo*> pointers;
  std::vector<Shape> shapes;
  infos[0] = {ElementType::kFloat32, shape, {}};
  for (size_t i = 0; i < infos.size(); ++i) {
    if (i > 0 && constants[i - 1].defined()) {
      infos[i] = {constants[i - 1].type(), constants[i - 1].shape(), constants[i - 1]};
    }
    pointers.push_back(infos[i].known() ? &infos[i] : nullptr);
    shapes.push_back(infos[i].shape);
  }
  const auto outputs = InferNode(node, pointers);
  if (!outputs.ok()) {
    ADD_FAILURE() << outputs.status().ToString();
    return {};
  }
  ChannelSet channels;
  ChannelLabels labels{axis, {}};
  for (int64_t i = 0; i < shape[axis]; ++i) labels.labels.push_back(channels.Fresh());
  std::vector<ChannelLabels> inputs(node.inputs.size());
  inputs[0] = labels;
  ChannelContext context(graph, node, shapes, {(*outputs)[0].shape}, inputs, channels);
  FindOp("", op)->channels(context);
  Flow flow{context.outputs()[0], true, true};
  for (ChannelId id : labels.labels) {
    flow.ended = flow.ended && channels.needed(id) && channels.pinned(id);
    flow.kept = flow.kept && channels.needed(id);
  }
  EXPECT_EQ(flow.ended, flow.output.empty());
  if (flow.output.empty()) return flow;
  // The labels must follow the values: run the operator on the channels' own numbers, from 1. New
  // channels hold 0.
  Tensor x = Tensor::Zeros(ElementType::kFloat32, shape);
  int64_t inner = 1;
  for (size_t k = axis + 1; k < shape.size(); ++k) inner *= shape[k];
  for (int64_t i = 0; i < x.size(); ++i) {
    x.mutable_values<float>()[i] = static_cast<float>(labels.labels[i / inner % shape[axis]] + 1);
  }
  std::vector<Tensor> tensors = {x};
  tensors.insert(tensors.end(), constants.begin(), constants.end());
  const Tensor y = test::RunOp(op, tensors, node.attributes);
  int64_t below = 1;
  for (int k = flow.output.axis + 1; k < y.rank(); ++k) below *= y.shape()[k];
  for (int64_t i = 0; i < y.size(); ++i) {
    const ChannelId label = flow.output.labels[i / below % y.shape()[flow.output.axis]];
    EXPECT_EQ(y.values<float>()[i], label < shape[axis] ? static_cast<float>(label + 1) : 0.0f);
  }
  return flow;
}

Tensor Vector(const Ints& values) { return Int64s({static_cast<int64_t>(values.size())}, values); }

TEST(MovementChannels, FlattenRepeatsLabels) {
  const Flow flow = Through("Flatten", {2, 3, 2, 2}, 1, {});
  EXPECT_EQ(flow.output.axis, 1);
  EXPECT_THAT(flow.output.labels, testing::ElementsAre(0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2));
  EXPECT_THAT(Through("Flatten", {1, 2, 3}, 2, {}).output.labels,
              testing::ElementsAre(0, 1, 2, 0, 1, 2));
  EXPECT_EQ(Through("Flatten", {2, 3, 4}, 1, {}, {{"axis", int64_t{2}}}).output.axis, 0);
}

TEST(MovementChannels, ReshapeFollowsWhereItsTargetStaysTrue) {
  EXPECT_EQ(Through("Reshape", {2, 3, 2, 2}, 1, {Vector({0, -1})}).output.axis, 1);
  EXPECT_EQ(Through("Reshape", {2, 3, 2, 2}, 1, {Vector({2, -1})}).output.axis, 1);
  EXPECT_EQ(Through("Reshape", {2, 3, 2, 2}, 1, {Vector({0, 0, 4})}).output.axis, 1);
  EXPECT_EQ(Through("Reshape", {2, 3, 2, 2}, 1, {Vector({0, 0, -1})}).output.axis, 1);
  EXPECT_EQ(Through("Reshape", {2, 4, 6}, 2, {Vector({0, 2, 2, -1})}).output.axis, 3);
  // The extent is a number, -1 stands elsewhere, 0 copies the channels' axis to another, or the
  // channels are torn apart.
  for (const Ints& target : {Ints{2, 12}, Ints{-1, 12}, Ints{0, 3, -1}, Ints{-1, 3, 4}}) {
    EXPECT_TRUE(Through("Reshape", {2, 3, 2, 2}, 1, {Vector(target)}).ended);
  }
  EXPECT_TRUE(Through("Reshape", {4, 4, 1}, 1, {Vector({1, 0, -1})}).ended);
  EXPECT_TRUE(Through("Reshape", {1, 6, 2}, 1, {Vector({0, 2, -1})}).ended);
}

TEST(MovementChannels, TransposeSqueezeAndUnsqueezeMoveTheAxis) {
  EXPECT_EQ(Through("Transpose", {2, 3, 4, 5}, 1, {}, {{"perm", Ints{0, 2, 3, 1}}}).output.axis, 3);
  EXPECT_EQ(Through("Squeeze", {1, 3, 1}, 1, {Vector({0, 2})}).output.axis, 0);
  EXPECT_TRUE(Through("Squeeze", {1, 3, 1}, 1, {}).ended);
  EXPECT_TRUE(Through("Squeeze", {2, 1}, 1, {Vector({1})}).ended);
  EXPECT_EQ(Through("Unsqueeze", {2, 3}, 1, {Vector({0, 3})}).output.axis, 2);
}

TEST(MovementChannels, SliceAndPadPassOtherAxes) {
  EXPECT_EQ(Through("Slice", {2, 3, 4}, 1, {Vector({1}), Vector({3}), Vector({2})}).output.axis, 1);
  EXPECT_EQ(
      Through("Slice", {2, 3}, 1, {Vector({0}), Vector({INT64_MAX}), Vector({1})}).output.axis, 1);
  EXPECT_TRUE(Through("Slice", {2, 3}, 1, {Vector({1}), Vector({3}), Vector({1})}).ended);
  EXPECT_TRUE(Through("Slice", {2, 3}, 1, {Vector({-3}), Vector({-1}), Vector({1})}).ended);
  const Tensor edge = Vector({0, 0, 1, 0, 0, 1});
  EXPECT_EQ(Through("Pad", {2, 3, 4}, 1, {edge}, {{"mode", std::string("edge")}}).output.axis, 1);
  // Between new channels: they can move but not go.
  const Flow padded = Through("Pad", {2, 3, 4}, 1, {Vector({0, 1, 0, 0, 2, 0})});
  EXPECT_THAT(padded.output.labels, testing::ElementsAre(3, 0, 1, 2, 4, 5));
  EXPECT_TRUE(padded.kept);
  const Tensor around = Vector({0, 1, 0, 0, 1, 0});
  EXPECT_TRUE(Through("Pad", {2, 3, 4}, 1, {around}, {{"mode", std::string("wrap")}}).ended);
  EXPECT_TRUE(Through("Pad", {2, 3, 4}, 1, {Vector({0, -1, 0, 0, 0, 0})}).ended);
}

TEST(MovementChannels, SplitPassesOtherAxesOnly) {
  EXPECT_EQ(Through("Split", {2, 3}, 1, {Vector({2})}).output.axis, 1);
  EXPECT_TRUE(Through("Split", {2, 3}, 1, {Vector({3})}, {{"axis", int64_t{1}}}).ended);
}

TEST(MovementChannels, ShapeNeedsOnlyTheAxesItTells) {
  const auto needed = [](const Attributes& attributes) {
    Graph graph;
    Node node{"node", "", "Shape", {graph.AddValue("x")}, {graph.AddValue("y")}, attributes};
    ChannelSet channels;
    const ChannelLabels labels{1, {channels.Fresh()}};
    ChannelContext context(graph, node, {{2, 1}}, {{2}}, {labels}, channels);
    FindOp("", "Shape")->channels(context);
    return channels.needed(0);
  };
  EXPECT_TRUE(needed({}));
  EXPECT_FALSE(needed({{"end", int64_t{1}}}));
}

/// Concat of two labelled inputs (two channels each along axis 1) and perhaps a constant.
ChannelLabels Concatenated(int64_t axis, bool constant, bool second_labelled, ChannelSet& channels,
                           std::vector<LabelledConstant>& constants) {
  Graph graph;
  Node node{"node", "", "Concat", {graph.AddValue("a"), graph.AddValue("b")}, {}, {{"axis", axis}}};
  if (constant) {
    node.inputs.push_back(graph.AddConstant("c", Tensor::Zeros(ElementType::kFloat32, {2, 2})));
  }
  node.outputs.push_back(graph.AddValue("y"));
  std::vector<Shape> shapes(node.inputs.size(), Shape{2, 2});
  std::vector<ChannelLabels> inputs(node.inputs.size());
  inputs[0] = {1, {channels.Fresh(), channels.Fresh()}};
  inputs[1] = {1, {channels.Fresh(), channels.Fresh()}};
  if (!second_labelled) inputs[1] = {};
  const int64_t parts = static_cast<int64_t>(shapes.size());
  ChannelContext context(graph, node, shapes,
                         {axis == 1 ? Shape{2, 2 * parts} : Shape{2 * parts, 2}}, inputs, channels);
  FindOp("", "Concat")->channels(context);
  constants = context.constants();
  return context.outputs()[0];
}

TEST(MovementChannels, ConcatAppendsAlongChannelsAndUnifiesAcross) {
  ChannelSet channels;
  std::vector<LabelledConstant> constants;
  const ChannelLabels along = Concatenated(1, false, true, channels, constants);
  EXPECT_THAT(along.labels, testing::ElementsAre(0, 1, 2, 3));
  EXPECT_NE(channels.Root(0), channels.Root(2));
  EXPECT_TRUE(Concatenated(1, true, true, channels, constants).empty());
  EXPECT_TRUE(Concatenated(1, false, false, channels, constants).empty());
  EXPECT_TRUE(channels.needed(4));
  ChannelSet others;
  const ChannelLabels across = Concatenated(-2, true, true, others, constants);
  EXPECT_EQ(across.axis, 1);
  EXPECT_EQ(others.Root(0), others.Root(2));
  EXPECT_EQ(others.Root(1), others.Root(3));
  EXPECT_EQ(constants.size(), 1u);
  EXPECT_FALSE(others.needed(0));
}

}  // namespace
}  // namespace deftnn
