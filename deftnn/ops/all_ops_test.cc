// Properties of every registered operator, on random nodes, most of them senseless.
#include <gtest/gtest.h>

#include <algorithm>
#include <limits>
#include <set>

#include "deftnn/ops/test_nodes.h"

namespace deftnn {
namespace {

const int64_t kInts[] = {-3,
                         -2,
                         -1,
                         0,
                         1,
                         1,
                         1,
                         2,
                         2,
                         3,
                         4,
                         7,
                         int64_t{1} << 33,
                         std::numeric_limits<int64_t>::max(),
                         std::numeric_limits<int64_t>::min()};
int64_t AnyInt(Rng& rng) {
  // Mostly small, so that nodes are accepted often enough to run.
  return kInts[rng.Below(rng.Below(8) == 0 ? std::size(kInts) : 11)];
}

Attribute AnyInts(Rng& rng) {
  std::vector<int64_t> list;
  for (int64_t n = rng.Below(5); n > 0; --n) list.push_back(AnyInt(rng));
  return list;
}

Attributes AnyAttributes(Rng& rng) {
  Attributes attributes;
  for (const char* name : {"axis",         "keepdims",
                           "group",        "groups",
                           "ceil_mode",    "count_include_pad",
                           "size",         "transA",
                           "transB",       "to",
                           "start",        "end",
                           "flatten_axis", "noop_with_empty_axes",
                           "allowzero",    "select_last_index",
                           "num_outputs",  "block_size",
                           "channels",     "group_size",
                           "batch_dims"}) {
    if (rng.Below(4) == 0) attributes[name] = AnyInt(rng);
  }
  for (const char* name : {"strides", "pads", "dilations", "perm", "split", "axes"}) {
    if (rng.Below(8) == 0) attributes[name] = AnyInts(rng);
  }
  if (rng.Below(4) == 0) attributes["kernel_shape"] = AnyInts(rng);
  if (rng.Below(2) == 0) {
    attributes["kernel_shape"] = std::vector<int64_t>(rng.Between(1, 2), rng.Between(1, 2));
  }
  const char* const pads[] = {"SAME_UPPER", "SAME_LOWER", "VALID", "NOTSET", "nonsense"};
  if (rng.Below(4) == 0) attributes["auto_pad"] = std::string(pads[rng.Below(5)]);
  const char* const kinds[] = {"conv", "matmul", "constant", "reflect", "edge", "wrap"};
  if (rng.Below(2) == 0) attributes["kind"] = std::string(kinds[rng.Below(2)]);
  if (rng.Below(2) == 0) attributes["mode"] = std::string(kinds[rng.Between(2, 5)]);
  for (const char* name : {"alpha", "beta", "epsilon", "bias"}) {
    if (rng.Below(4) == 0) attributes[name] = static_cast<float>(rng.Normal());
  }
  return attributes;
}

Tensor AnyTensor(Rng& rng) {
  Shape shape;
  for (int64_t axes = rng.Below(5); axes > 0; --axes) {
    shape.push_back(rng.Below(12) == 0 ? 0 : rng.Between(1, 4));
  }
  const ElementType types[] = {ElementType::kFloat32, ElementType::kFloat32, ElementType::kFloat32,
                               ElementType::kInt64,   ElementType::kInt64,   ElementType::kInt32,
                               ElementType::kUint8,   ElementType::kBool,    ElementType::kFloat64,
                               ElementType::kFloat16};
  Tensor tensor = Tensor::Zeros(types[rng.Below(std::size(types))], shape);
  VisitArithmetic(tensor.type(), [&](auto sample) {
    using T = decltype(sample);
    for (T& value : tensor.mutable_values<T>()) {
      if constexpr (std::is_floating_point_v<T>) {
        value = static_cast<T>(rng.Normal());
      } else {
        value = static_cast<T>(AnyInt(rng));
      }
    }
  });
  return tensor;
}

// Wherever inference accepts a node, it runs or says why not, and gives what inference promised.
TEST(AllOps, NoNodeCrashesAndShapesHold) {
  const uint64_t seed = 2024;
  SCOPED_TRACE(seed);
  Rng rng(seed);
  std::set<std::string_view> never_ran;
  for (const OpDef* op : AllOps()) {
    SCOPED_TRACE(op->name);
    never_ran.insert(op->name);
    for (int round = 0; round < 600; ++round) {
      std::vector<Tensor> tensors;
      const int64_t most = std::min(op->max_inputs, op->min_inputs + 2);
      const int64_t count = rng.Between(op->min_inputs, most);
      for (int64_t i = 0; i < count; ++i) {
        const bool repeat = i > 0 && rng.Below(3) == 0;
        tensors.push_back(repeat ? tensors[0] : AnyTensor(rng));
      }
      Node node = test::MakeNode(std::string(op->name), count, AnyAttributes(rng),
                                 rng.Between(op->min_outputs, std::min(op->max_outputs, 3)));
      node.domain = op->domain;
      std::vector<ValueInfo> infos(count);
      std::vector<const ValueInfo*> info_pointers;
      std::vector<const Tensor*> pointers;
      for (int64_t i = 0; i < count; ++i) {
        infos[i] = {tensors[i].type(), tensors[i].shape(), tensors[i]};
        info_pointers.push_back(&infos[i]);
        pointers.push_back(&tensors[i]);
      }
      const auto inferred = InferNode(node, info_pointers);
      if (!inferred.ok()) {
        EXPECT_FALSE(inferred.status().reason().empty());
        continue;
      }
      int64_t elements = 0;
      for (const ValueInfo& info : *inferred) {
        if (info.known()) elements = std::max(elements, ElementCount(info.shape));
      }
      if (elements > 1000000) continue;
      const auto outputs = EvaluateNode(node, pointers);
      if (!outputs.ok()) continue;
      never_ran.erase(op->name);
      for (size_t i = 0; i < outputs->size(); ++i) {
        const ValueInfo& info = (*inferred)[i];
        if (!info.known()) continue;
        EXPECT_EQ((*outputs)[i].type(), info.type);
        EXPECT_EQ((*outputs)[i].shape(), info.shape);
      }
    }
  }
  // Nodes that make sense are too rare for these; their own tests cover them.
  const std::set<std::string_view> rare = {"BatchNormalization", "Constant", "DepthwiseConv",
                                           "OneHot", "SynapseProduct"};
  for (const std::string_view op : never_ran) {
    EXPECT_TRUE(rare.count(op) == 1) << op << " was never accepted";
  }
}

Tensor Cut(const Tensor& tensor, const ChannelLabels& labels, const ChannelSet& channels,
           ChannelId gone) {
  const Shape& shape = tensor.shape();
  std::vector<int64_t> kept;
  for (int64_t i = 0; i < shape[labels.axis]; ++i) {
    if (channels.Root(labels.labels[i]) != channels.Root(gone)) kept.push_back(i);
  }
  Shape smaller = shape;
  smaller[labels.axis] = static_cast<int64_t>(kept.size());
  Tensor out = Tensor::Zeros(tensor.type(), smaller);
  int64_t inner = 1;
  for (size_t a = labels.axis + 1; a < shape.size(); ++a) inner *= shape[a];
  const size_t bytes = BitsOf(tensor.type()) / 8;
  for (int64_t i = 0; i < out.size(); ++i) {
    const int64_t position = kept[i / inner % smaller[labels.axis]];
    const int64_t outer = i / inner / smaller[labels.axis];
    const int64_t from = (outer * shape[labels.axis] + position) * inner + i % inner;
    std::copy_n(tensor.data() + from * bytes, bytes, out.mutable_data() + i * bytes);
  }
  return out;
}

struct Flow {
  const char* op;
  std::vector<Shape> shapes;
  std::vector<bool> constant;
  Attributes attributes;
};

// Labels every position of one axis of each activation, cuts one channel that nobody needs, runs
// the node again, and expects the old output without that channel. Returns how many were cut.
int CheckFlow(const Flow& flow, Rng& rng, int axis_seed) {
  Graph graph;
  Node node = test::MakeNode(flow.op, flow.shapes.size(), flow.attributes);
  std::vector<Tensor> tensors;
  std::vector<const Tensor*> pointers;
  for (size_t i = 0; i < flow.shapes.size(); ++i) {
    tensors.push_back(test::Normal(rng, flow.shapes[i]));
    if (flow.attributes.count("axes_input") != 0 && i == 1) {
      tensors[i] = test::Int64s({1}, {std::get<int64_t>(flow.attributes.at("axes_input"))});
    }
    node.inputs[i] = flow.constant[i] ? graph.AddConstant(fmt::format("c{}", i), tensors[i])
                                      : graph.AddValue(fmt::format("x{}", i));
  }
  for (const Tensor& tensor : tensors) pointers.push_back(&tensor);
  node.outputs = {graph.AddValue("y")};
  const auto before = EvaluateNode(node, pointers);
  if (!before.ok()) {
    ADD_FAILURE() << before.status().ToString();
    return 0;
  }
  ChannelSet channels;
  std::vector<ChannelLabels> labels(tensors.size());
  std::vector<Shape> shapes;
  const int rank = tensors[0].rank();
  for (size_t i = 0; i < tensors.size(); ++i) {
    shapes.push_back(tensors[i].shape());
    const int axis = axis_seed + tensors[i].rank() - rank;
    if (flow.constant[i] || axis < 0) continue;
    labels[i].axis = axis;
    for (int64_t k = 0; k < tensors[i].dim(axis); ++k) {
      labels[i].labels.push_back(channels.Fresh());
    }
  }
  ChannelContext context(graph, node, shapes, {(*before)[0].shape()}, labels, channels);
  const OpDef* op = FindOp("", flow.op);
  op->channels == nullptr ? context.End() : op->channels(context);
  const ChannelLabels& out = context.outputs()[0];
  int cuts = 0;
  for (ChannelId gone : labels[0].labels) {
    if (channels.needed(gone)) continue;
    EXPECT_FALSE(out.empty()) << "a channel that is not needed must reach the output";
    if (out.empty()) continue;
    std::vector<Tensor> cut = tensors;
    for (size_t i = 0; i < tensors.size(); ++i) {
      if (!labels[i].empty()) cut[i] = Cut(tensors[i], labels[i], channels, gone);
      for (const LabelledConstant& constant : context.constants()) {
        if (constant.value == node.inputs[i]) {
          cut[i] = Cut(tensors[i], constant.labels, channels, gone);
        }
      }
      pointers[i] = &cut[i];
    }
    Node smaller = node;
    if (node.op == "Conv") smaller.attributes["group"] = node.Int("group", 1) - 1;
    const auto after = EvaluateNode(smaller, pointers);
    if (!after.ok()) {
      ADD_FAILURE() << after.status().ToString();
      return cuts;
    }
    EXPECT_TRUE(Identical((*after)[0], Cut((*before)[0], out, channels, gone)));
    ++cuts;
  }
  return cuts;
}

TEST(Channels, CuttingOneGivesTheSameOutputWithoutIt) {
  using test::Ints;
  const Shape x{2, 3, 4, 5}, c{3, 1, 1};
  const int64_t one = 1, two = 2, minus = -1;
  // The operator, and for each axis of its first input how many of its positions can be cut.
  struct Row {
    Flow flow;
    std::vector<int> cuttable;
  };
  const std::vector<Row> rows = {
      {{"Relu", {x}, {false}, {}}, {2, 3, 4, 5}},
      {{"HardSwish", {x}, {false}, {}}, {2, 3, 4, 5}},
      {{"Add", {x, c}, {false, true}, {}}, {2, 3, 4, 5}},
      {{"Add", {x, x}, {false, false}, {}}, {2, 3, 4, 5}},
      {{"Mul", {x, c}, {false, false}, {}}, {2, 3, 0, 0}},
      {{"Sub", {x, {5}}, {false, true}, {}}, {2, 3, 4, 5}},
      {{"Div", {x, Shape{1, 3, 4, 5}}, {false, false}, {}}, {0, 3, 4, 5}},
      {{"PRelu", {x, c}, {false, true}, {}}, {2, 3, 4, 5}},
      {{"BatchNormalization", {x, {3}, {3}, {3}, {3}}, {false, true, true, true, true}, {}},
       {2, 3, 4, 5}},
      {{"MaxPool", {x}, {false}, {{"kernel_shape", Ints{2, 3}}}}, {2, 3, 0, 0}},
      {{"AveragePool", {x}, {false}, {{"kernel_shape", Ints{2, 3}}}}, {2, 3, 0, 0}},
      {{"GlobalAveragePool", {x}, {false}, {}}, {2, 3, 0, 0}},
      {{"GlobalMaxPool", {x}, {false}, {}}, {2, 3, 0, 0}},
      {{"Softmax", {x}, {false}, {{"axis", minus}}}, {2, 3, 4, 0}},
      {{"Softmax", {x}, {false}, {{"flatten_axis", two}}}, {2, 3, 0, 0}},
      {{"ReduceMean", {x, {1}}, {false, true}, {{"axes_input", two}, {"keepdims", int64_t{0}}}},
       {2, 3, 0, 5}},
      {{"ReduceMax", {x, {1}}, {false, true}, {{"axes_input", one}}}, {2, 0, 4, 5}},
      {{"ReduceSum", {x}, {false}, {}}, {0, 0, 0, 0}},
      {{"ArgMax", {x}, {false}, {{"axis", one}, {"keepdims", int64_t{0}}}}, {2, 0, 4, 5}},
      {{"LRN", {x}, {false}, {{"size", int64_t{3}}}}, {0, 0, 0, 0}},
      {{"Dropout", {x}, {false}, {}}, {2, 3, 4, 5}},
      {{"Conv", {x, {3, 1, 2, 2}, {3}}, {false, true, true}, {{"group", int64_t{3}}}},
       {0, 3, 0, 0}},
      {{"Conv", {x, {6, 1, 2, 2}}, {false, true}, {{"group", int64_t{3}}}}, {0, 0, 0, 0}},
      {{"Conv", {x, {3, 3, 2, 2}}, {false, true}, {}}, {0, 0, 0, 0}},
      {{"MatMul", {x, {5, 2}}, {false, true}, {}}, {0, 0, 0, 0}},
  };
  Rng rng(7);
  for (const Row& row : rows) {
    for (size_t axis = 0; axis < row.cuttable.size(); ++axis) {
      SCOPED_TRACE(fmt::format("{} with channels on axis {}", row.flow.op, axis));
      EXPECT_EQ(CheckFlow(row.flow, rng, static_cast<int>(axis)), row.cuttable[axis]);
    }
  }
}

struct Normalised {
  Graph graph;
  Node node;
  Status status;
};

Normalised Normalise(const char* op, int opset, Attributes attributes, size_t outputs = 1) {
  Normalised result;
  result.node = test::MakeNode(op, 0, std::move(attributes), outputs);
  result.node.inputs = {result.graph.AddValue("x")};
  NormaliseContext context(result.graph, result.node, opset);
  result.status = FindOp("", op)->normalise(context);
  return result;
}

TEST(Normalise, OlderFormsBecomeTheNewest) {
  const Normalised clip = Normalise("Clip", 10, {{"max", 6.0f}});
  ASSERT_TRUE(clip.status.ok());
  ASSERT_EQ(clip.node.inputs.size(), 3u);
  EXPECT_FALSE(clip.node.has_input(1));
  EXPECT_EQ(clip.graph.Constant(clip.node.inputs[2])->values<float>()[0], 6.0f);
  EXPECT_TRUE(clip.node.attributes.empty());

  const Normalised softmax = Normalise("Softmax", 12, {});
  EXPECT_EQ(softmax.node.Int("flatten_axis", -9), 1);
  const Normalised newer = Normalise("Softmax", 13, {{"flatten_axis", int64_t{0}}});
  EXPECT_FALSE(newer.node.has("flatten_axis")) << "not an attribute that a model may bring";

  for (const char* op : {"ReduceSum", "ReduceMean", "ReduceMax"}) {
    const Normalised reduce = Normalise(op, 11, {{"axes", test::Ints{2, -1}}});
    ASSERT_TRUE(reduce.node.has_input(1));
    EXPECT_TRUE(
        Identical(*reduce.graph.Constant(reduce.node.inputs[1]), test::Int64s({2}, {2, -1})));
  }
  EXPECT_TRUE(Normalise("Dropout", 7, {{"ratio", 0.5f}}).node.attributes.empty());
}

TEST(Normalise, BatchNormalizationIsForInferenceOnly) {
  EXPECT_FALSE(Normalise("BatchNormalization", 7, {{"spatial", int64_t{0}}}).status.ok());
  EXPECT_FALSE(Normalise("BatchNormalization", 15, {{"training_mode", int64_t{1}}}).status.ok());
  const Normalised old = Normalise("BatchNormalization", 9, {{"momentum", 0.9f}}, 5);
  EXPECT_TRUE(old.status.ok());
  EXPECT_EQ(old.node.outputs.size(), 1u);
}

}  // namespace
}  // namespace deftnn
