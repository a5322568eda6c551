#include "deftnn/runtime/session.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <thread>

#include "deftnn/graph/verify.h"
#include "deftnn/ndf/apply_format.h"
#include "deftnn/runtime/test_networks.h"

namespace deftnn {
namespace {

void ExpectMatchesOracle(const Graph& graph, const std::vector<Tensor>& inputs) {
  ASSERT_TRUE(Verify(graph).ok()) << Verify(graph).ToString();
  const auto oracle = EvaluateGraph(graph, inputs);
  ASSERT_TRUE(oracle.ok()) << oracle.status().ToString();
  for (const Isa isa : UsableIsas()) {
    for (const Format format : {Format::kFp32, Format::kDfp16}) {
      SCOPED_TRACE(fmt::format("{} {}", NameOf(isa), NameOf(format)));
      auto formatted = ApplyFormat(graph, format);
      ASSERT_TRUE(formatted.ok()) << formatted.status().ToString();
      auto session = Session::Create(*formatted, {.threads = 2, .isa = isa, .packed = nullptr});
      ASSERT_TRUE(session.ok()) << session.status().ToString();
      for (int repeat = 0; repeat < 2;
           ++repeat) {  // a second run finds the arena as the first left it
        const auto outputs = (*session)->Run(inputs);
        ASSERT_TRUE(outputs.ok()) << outputs.status().ToString();
        ASSERT_EQ(outputs->size(), oracle->size());
        for (size_t i = 0; i < outputs->size(); ++i) {
          ASSERT_EQ((*outputs)[i].shape(), (*oracle)[i].shape());
          EXPECT_LT(RelativeError((*outputs)[i], (*oracle)[i]),
                    format == Format::kFp32 ? 2e-5 : 4e-2);
        }
      }
    }
  }
}

TEST(Session, ChainOfConvolutionsWithResidual) {
  for (uint64_t seed = 0; seed < 6; ++seed) {
    SCOPED_TRACE(seed);
    Rng rng(seed);
    Builder b(rng);
    const int64_t c = rng.Between(1, 20), m = rng.Between(1, 40), n = rng.Between(1, 3);
    const ValueId x = b.Input({n, c, rng.Between(3, 12), rng.Between(3, 12)});
    const ValueId first = b.AddConv(x, {.channels = c, .outputs = m, .keep = 0.6});
    const ValueId second = b.AddConv(first, {.channels = m, .outputs = m, .keep = 0.5});
    const ValueId third =
        b.AddConv(second, {.channels = m, .outputs = m, .kernel = 1, .pad = 0, .residual = first});
    b.graph.AddOutput(b.AddConv(
        third, {.channels = m, .outputs = 5, .stride = 2, .activation = Activation::kNone}));
    const Shape shape = *b.graph.value(x).shape;
    ExpectMatchesOracle(b.graph, {RandomTensor(shape, rng)});
  }
}

TEST(Session, DepthwiseConvolutionsBetweenProducts) {
  for (uint64_t seed = 0; seed < 8; ++seed) {
    SCOPED_TRACE(seed);
    Rng rng(seed);
    Builder b(rng);
    const int64_t m = rng.Between(1, 80);
    const Shape shape = {rng.Between(1, 3), 3, rng.Between(4, 20), rng.Between(4, 20)};
    const ValueId first = b.AddConv(b.Input(shape), {.channels = 3, .outputs = m});
    const ValueId second = b.AddDepthwise(first, m, rng.Between(1, 2));
    b.graph.AddOutput(
        b.AddConv(second, {.channels = m, .outputs = 9, .kernel = 1, .pad = 0, .keep = 0.7}));
    ExpectMatchesOracle(b.graph, {RandomTensor(shape, rng)});
  }
}

TEST(Session, GroupsDilationAndOneDimension) {
  Rng rng(7);
  Builder b(rng);
  const ValueId x = b.Input({2, 8, 17});
  const ValueId y =
      b.AddConv(x, {.channels = 8, .outputs = 12, .pad = 2, .dilation = 2, .groups = 4}, 1);
  b.graph.AddOutput(
      b.AddConv(y, {.channels = 12, .outputs = 3, .kernel = 5, .stride = 3, .pad = 0}, 1));
  ExpectMatchesOracle(b.graph, {RandomTensor({2, 8, 17}, rng)});
}

TEST(Session, MatmulsOfHigherRank) {
  Rng rng(8);
  Builder b(rng);
  const ValueId x = b.Input({2, 3, 10});
  const ValueId y = b.AddMatmul(x, 10, 33, 0.7, Activation::kRelu);
  b.graph.AddOutput(b.AddMatmul(y, 33, 4));
  b.graph.AddOutput(y);
  ExpectMatchesOracle(b.graph, {RandomTensor({2, 3, 10}, rng)});
}

// A matrix [rows x last axis] and an image [axis 1 is the channel] of one rank-3 tensor differ,
// most treacherously where both have as many pixels and channels.
TEST(Session, MatricesReadAsImagesAndBack) {
  for (const int64_t outputs : {3, 7}) {
    SCOPED_TRACE(outputs);
    Rng rng(10);
    Builder b(rng);
    const ValueId x = b.Input({2, 3, 10});
    const ValueId rows = b.AddMatmul(x, 10, outputs);
    b.graph.AddOutput(b.AddOp("GlobalMaxPool", {b.AddOp("Tanh", {rows})}));
    const ValueId image = b.AddConv(rows, {.channels = 3, .outputs = outputs, .pad = 1}, 1);
    b.graph.AddOutput(b.AddOp("Softmax", {b.AddOp("Tanh", {image})}, {{"axis", int64_t{-1}}}));
    ExpectMatchesOracle(b.graph, {RandomTensor({2, 3, 10}, rng)});
  }
}

// Slices that keep everything and Transposes that only move axes of extent one are no steps; those
// that turn a row round, or swap real axes, are.
TEST(Session, WhatKeepsTheOrderIsNoStep) {
  Rng rng(11);
  Builder b(rng);
  const auto ints = [&](const std::vector<int64_t>& values) {
    const int64_t count = static_cast<int64_t>(values.size());
    return b.graph.AddConstant("ints", Tensor::Of<int64_t>({count}, values));
  };
  const ValueId x = b.Input({2, 5, 1, 6});
  const auto slice = [&](ValueId from, int64_t begin, int64_t end, int64_t step) {
    return b.AddOp("Slice", {from, ints({begin}), ints({end}), ints({3}), ints({step})});
  };
  const std::vector<int64_t> ones_move{0, 2, 1, 3}, rows_swap{1, 0, 2, 3};
  const ValueId whole = slice(x, 0, 100, 1);
  const ValueId moved = b.AddOp("Transpose", {whole}, {{"perm", ones_move}});
  const ValueId turned = slice(moved, -1, -100, -1);
  const ValueId part = slice(x, 0, 5, 1);
  b.graph.AddOutput(b.AddOp("Tanh", {turned}));
  b.graph.AddOutput(b.AddOp("Tanh", {b.AddOp("Transpose", {part}, {{"perm", rows_swap}})}));
  const Tensor input = RandomTensor({2, 5, 1, 6}, rng);
  ExpectMatchesOracle(b.graph, {input});
  auto session = Session::Create(b.graph, {.threads = 1, .isa = std::nullopt, .packed = nullptr});
  ASSERT_TRUE(session.ok());
  const auto plan = (*session)->PlanFor({{ElementType::kFloat32, input.shape(), {}}});
  ASSERT_TRUE(plan.ok());
  int slices = 0, transposes = 0;
  for (const PlannedStep& step : (*plan)->steps) {
    slices += step.op == "Slice";
    transposes += step.op == "Transpose";
  }
  EXPECT_EQ(slices, 2);
  EXPECT_EQ(transposes, 1);
}

int CountSteps(const Graph& graph, const Shape& input, std::string_view op) {
  auto session = Session::Create(graph, {.threads = 1, .isa = std::nullopt, .packed = nullptr});
  const auto plan = (*session)->PlanFor({{ElementType::kFloat32, input, {}}});
  return static_cast<int>(std::count_if((*plan)->steps.begin(), (*plan)->steps.end(),
                                        [&](const PlannedStep& step) { return step.op == op; }));
}

// Matrices whose last axis is a convolution's channels: the Transposes between are no steps, nor
// are the Squeezes; with padding the image is copied into its halo. The first input is the caller's
// own memory, and the last Transpose makes an output.
TEST(Session, TransposesBetweenChannelsFirstAndLastAreNoSteps) {
  for (uint64_t seed = 1; seed <= 8; ++seed) {
    SCOPED_TRACE(seed);
    Rng rng(seed);
    Builder b(rng);
    const int axes = seed % 2 == 0 ? 2 : 1;
    const int64_t n = rng.Between(1, 3), h = rng.Between(3, 9), w = rng.Between(3, 7);
    const int64_t c = rng.Between(2, 20), m = rng.Between(2, 40), pad = rng.Between(0, 1);
    const Shape rows = axes == 2 ? Shape{n, h, w, c} : Shape{n, h, c};
    const std::vector<int64_t> first =
        axes == 2 ? std::vector<int64_t>{0, 3, 1, 2} : std::vector<int64_t>{0, 2, 1};
    const std::vector<int64_t> last = axes == 2 ? std::vector<int64_t>{0, 2, 3, 1} : first;
    ValueId x = b.Input(rows);
    if (seed > 2) x = b.AddMatmul(x, c, c);
    x = b.AddOp("Transpose", {x}, {{"perm", first}});
    x = b.AddConv(x, {.channels = c, .outputs = m, .pad = pad}, axes);
    if (seed > 4 && axes == 1) {
      const auto axis =
          b.graph.AddConstant("axis", Tensor::Of<int64_t>({1}, std::vector<int64_t>{2}));
      x = b.AddOp("Squeeze", {b.AddOp("Unsqueeze", {x, axis}), axis});
      b.graph.AddOutput(b.AddOp("GlobalMaxPool", {x}));
    }
    x = b.AddOp("Transpose", {x}, {{"perm", last}});
    b.graph.AddOutput(seed % 3 == 0 ? x : b.AddMatmul(x, m, 5));
    ExpectMatchesOracle(b.graph, {RandomTensor(rows, rng)});
    EXPECT_EQ(CountSteps(b.graph, rows, "Transpose"), 0);
    EXPECT_LE(CountSteps(b.graph, rows, "Convert"), 2);
  }
}

// The images that a Transpose reads are slices of a concatenation, have a halo, or are turned
// in a way that no form has.
TEST(Session, TransposesOfImagesThatAreNotDense) {
  Rng rng(12);
  Builder b(rng);
  const ValueId x = b.Input({2, 3, 5, 6});
  const std::vector<int64_t> last{0, 2, 3, 1}, turned{0, 3, 2, 1};
  const ValueId left = b.AddConv(x, {.channels = 3, .outputs = 7});
  const ValueId right = b.AddConv(x, {.channels = 3, .outputs = 9});
  const ValueId both = b.AddOp("Concat", {left, right}, {{"axis", int64_t{1}}});
  b.graph.AddOutput(b.AddConv(both, {.channels = 16, .outputs = 4}));
  for (const auto& perm : {last, turned}) {
    for (const ValueId image : {left, both}) {
      b.graph.AddOutput(b.AddOp("Tanh", {b.AddOp("Transpose", {image}, {{"perm", perm}})}));
    }
  }
  ExpectMatchesOracle(b.graph, {RandomTensor({2, 3, 5, 6}, rng)});
}

// Operands of every shape, before and behind products, whichever is the constant.
TEST(Session, ArithmeticOfShapesThatDiffer) {
  const std::vector<std::array<Shape, 2>> cases = {
      {{{2, 5, 12}, {1, 5, 1}}}, {{{1, 1, 12}, {2, 5, 1}}}, {{{2, 5, 12}, {2, 1, 12}}},
      {{{2, 5, 12}, {5, 12}}},   {{{2, 5, 1}, {2, 5, 12}}}, {{{2, 5, 12}, {2, 1, 1}}},
      {{{2, 5, 3}, {5, 1}}},     {{{2, 1, 12}, {1, 5, 1}}}};
  for (size_t i = 0; i < 4 * cases.size(); ++i) {
    SCOPED_TRACE(i);
    Rng rng(i);
    Builder b(rng);
    const auto& [first, second] = cases[i / 4];
    const char* const ops[] = {"Add", "Sub", "Mul", "Div"};
    const ValueId x = b.Input(first);
    Tensor divisor = RandomTensor(second, rng);
    for (float& v : divisor.mutable_values<float>()) v = 1.5f + 0.1f * v;
    const ValueId other = b.graph.AddConstant("other", divisor);
    const ValueId positive = b.AddOp("Sigmoid", {x});
    const ValueId y = i % 2 == 0 ? b.AddOp(ops[i % 4], {positive, other})
                                 : b.AddOp(ops[i % 4], {other, positive});
    const int64_t channels = std::max(first.back(), second.back());
    b.graph.AddOutput(y);
    b.graph.AddOutput(b.AddMatmul(b.AddOp(ops[i % 4], {y, other}), channels, 7));
    ExpectMatchesOracle(b.graph, {RandomTensor(first, rng)});
  }
}

TEST(Session, SumsMeansAndLookups) {
  for (uint64_t seed = 1; seed <= 12; ++seed) {
    SCOPED_TRACE(seed);
    Rng rng(seed);
    Builder b(rng);
    const Shape shape = {rng.Between(1, 3), rng.Between(1, 40), 1, rng.Between(1, 70)};
    const ValueId x = b.Input(shape);
    const std::vector<std::vector<int64_t>> choices = {{1}, {-1}, {0, 1}, {1, 3}, {0, 3}, {2}};
    for (const char* op : {"ReduceSum", "ReduceMean"}) {
      const std::vector<int64_t>& axes = choices[static_cast<size_t>(rng.Below(6))];
      const ValueId list =
          b.graph.AddConstant("axes", Tensor::Of<int64_t>({std::ssize(axes)}, axes));
      const ValueId sum = b.AddOp(op, {x, list}, {{"keepdims", rng.Between(0, 1)}});
      b.graph.AddOutput(b.AddOp("Tanh", {sum}));
    }
    b.graph.AddOutput(b.AddOp("ReduceMean", {x}));
    const int64_t axis = rng.Between(-4, 3), extent = shape[static_cast<size_t>((axis + 4) % 4)];
    std::vector<int64_t> picked;
    for (int64_t i = rng.Between(1, 5); i > 0; --i)
      picked.push_back(rng.Between(-extent, extent - 1));
    const ValueId indices =
        b.graph.AddConstant("indices", Tensor::Of<int64_t>({std::ssize(picked)}, picked));
    b.graph.AddOutput(b.AddOp("Gather", {x, indices}, {{"axis", axis}}));
    ExpectMatchesOracle(b.graph, {RandomTensor(shape, rng)});
  }
}

TEST(Session, LookupsOutOfRangeAreRefused) {
  Graph graph;
  const ValueId index = graph.AddValue("i", ElementType::kInt32, Shape{2});
  graph.AddInput(index);
  const ValueId table = graph.AddConstant("t", Tensor::Zeros(ElementType::kFloat32, {3, 2}));
  const ValueId rows = graph.AddValue("rows");
  graph.AddNode({"pick", "", "Gather", {table, index}, {rows}, {}});
  graph.AddOutput(rows);
  auto session = Session::Create(graph, {.threads = 1, .isa = std::nullopt, .packed = nullptr});
  ASSERT_TRUE(session.ok());
  const auto run = [&](int32_t i) {
    return (*session)->Run({Tensor::Of<int32_t>({2}, std::vector<int32_t>{0, i})});
  };
  EXPECT_TRUE(run(-3).ok());
  EXPECT_NE(run(3).status().reason().find("index 3"), std::string::npos);
  EXPECT_FALSE(run(-4).ok());
}

// Matrices under other shapes keep their format on the way to the next product.
TEST(Session, ReshapesOfMatricesAreNoSteps) {
  Rng rng(13);
  Builder b(rng);
  const ValueId x = b.Input({2, 6, 10});
  const auto shaped = [&](ValueId from, const std::vector<int64_t>& to) {
    const int64_t rank = std::ssize(to);
    return b.AddOp("Reshape", {from, b.graph.AddConstant("to", Tensor::Of<int64_t>({rank}, to))});
  };
  const ValueId y = b.AddMatmul(x, 10, 12, 1, Activation::kRelu);
  const ValueId halves = b.AddMatmul(shaped(y, {24, 6}), 6, 8);
  b.graph.AddOutput(b.AddMatmul(shaped(halves, {2, 12, 8}), 8, 3));
  b.graph.AddOutput(shaped(halves, {-1}));
  ExpectMatchesOracle(b.graph, {RandomTensor({2, 6, 10}, rng)});
}

TEST(Session, RunsFromSeveralThreadsAtOnce) {
  Rng rng(9);
  Builder b(rng);
  const ValueId x = b.Input({1, 6, 9, 9});
  const ValueId y = b.AddConv(x, {.channels = 6, .outputs = 18});
  b.graph.AddOutput(b.AddConv(y, {.channels = 18, .outputs = 7}));
  auto session = Session::Create(b.graph, {.threads = 2, .isa = std::nullopt, .packed = nullptr});
  ASSERT_TRUE(session.ok());
  std::vector<Tensor> inputs, expected;
  for (int i = 0; i < 4; ++i) {
    inputs.push_back(RandomTensor({1, 6, 9, 9}, rng));
    expected.push_back((*(*session)->Run({inputs.back()}))[0]);
  }
  std::vector<std::thread> threads;
  std::atomic<int> wrong{0};
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&, i] {
      for (int repeat = 0; repeat < 50; ++repeat) {
        const auto outputs = (*session)->Run({inputs[i]});
        if (!outputs.ok() || !Identical((*outputs)[0], expected[i])) ++wrong;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(wrong, 0);
}

TEST(Session, RefusesInputsThatDoNotFit) {
  Rng rng(10);
  Builder b(rng);
  const ValueId x = b.Input({1, 6});
  b.graph.AddOutput(b.AddMatmul(x, 6, 2));
  auto session = Session::Create(b.graph, {.threads = 1, .isa = std::nullopt, .packed = nullptr});
  ASSERT_TRUE(session.ok());
  EXPECT_FALSE((*session)->Run({}).ok());
  EXPECT_FALSE((*session)->Run({RandomTensor({1, 7}, rng)}).ok());
  EXPECT_FALSE((*session)->Run({Tensor::Zeros(ElementType::kInt64, {1, 6})}).ok());
}

}  // namespace
}  // namespace deftnn
