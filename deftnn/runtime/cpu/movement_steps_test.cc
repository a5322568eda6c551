// Slice and Pad of images between convolutions: what they write, and that they write it themselves.
#include <gtest/gtest.h>

#include <algorithm>

#include "deftnn/ndf/apply_format.h"
#include "deftnn/runtime/session.h"
#include "deftnn/runtime/test_networks.h"

namespace deftnn {
namespace {

// Inputs of a node behind its data; an undefined tensor is an input that is left out.
using Constants = std::vector<Tensor>;

Tensor Ints(const std::vector<int64_t>& values) {
  return Tensor::Of<int64_t>({std::ssize(values)}, values);
}

ValueId AddMovement(Builder& b, ValueId x, const std::string& op, const Constants& constants,
                    const Attributes& attributes = {}) {
  std::vector<ValueId> inputs = {x};
  for (const Tensor& tensor : constants) {
    inputs.push_back(tensor.defined() ? b.graph.AddConstant("c", tensor) : kNoValue);
  }
  return b.AddOp(op, inputs, attributes);
}

Tensor Plain(const std::string& op, const Constants& constants, const Tensor& x) {
  Rng rng(1);
  Builder b(rng);
  b.graph.AddOutput(AddMovement(b, b.Input(x.shape()), op, constants));
  const auto outputs = EvaluateGraph(b.graph, {x});
  EXPECT_TRUE(outputs.ok()) << outputs.status().ToString();
  return (*outputs)[0];
}

void ExpectClose(const Tensor& a, const Tensor& b, double tolerance) {
  ASSERT_EQ(a.shape(), b.shape());
  EXPECT_LE(RelativeError(a, b), tolerance);
}

// A convolution of `channels` outputs, the movement, and another with padding behind it. The
// outputs: what the movement read and wrote, and what the last convolution made of it.
void ExpectMovesImages(const Shape& input, int64_t channels, const std::string& op,
                       const Constants& constants, Rng& rng) {
  const int axes = static_cast<int>(input.size()) - 2;
  Builder b(rng);
  const ValueId x = b.AddConv(b.Input(input), {.channels = input[1], .outputs = channels}, axes);
  const ValueId moved = AddMovement(b, x, op, constants);
  const Tensor data = RandomTensor(input, rng);
  const auto shapes = InferShapes(b.graph, {{ElementType::kFloat32, input, {}}});
  ASSERT_TRUE(shapes.ok()) << shapes.status().ToString();
  const ValueId last =
      b.AddConv(moved, {.channels = (*shapes)[moved].shape[1], .outputs = 5}, axes);
  for (const ValueId id : {x, moved, last}) b.graph.AddOutput(id);
  const auto oracle = EvaluateGraph(b.graph, {data});
  ASSERT_TRUE(oracle.ok()) << oracle.status().ToString();
  for (const Isa isa : UsableIsas()) {
    for (const Format format : {Format::kFp32, Format::kDfp16}) {
      SCOPED_TRACE(fmt::format("{} {}", NameOf(isa), NameOf(format)));
      auto session = Session::Create(*ApplyFormat(b.graph, format),
                                     {.threads = 2, .isa = isa, .packed = nullptr});
      ASSERT_TRUE(session.ok()) << session.status().ToString();
      const auto plan = (*session)->PlanFor({{ElementType::kFloat32, input, {}}});
      ASSERT_TRUE(plan.ok()) << plan.status().ToString();
      for (const PlannedStep& step : (*plan)->steps) {
        if (step.op != op) continue;
        EXPECT_NE(step.step->kernel(), "plain");
        EXPECT_EQ(step.inputs[0].form, Form::kImage);
        EXPECT_EQ(step.inputs[0].layout.format, format);
      }
      for (int repeat = 0; repeat < 2; ++repeat) {
        const auto outputs = (*session)->Run({data});
        ASSERT_TRUE(outputs.ok()) << outputs.status().ToString();
        EXPECT_TRUE(Identical((*outputs)[1], Plain(op, constants, (*outputs)[0])));
        ExpectClose((*outputs)[2], (*oracle)[2], format == Format::kFp32 ? 2e-5 : 4e-2);
      }
    }
  }
}

// Every fifth with one spatial axis.
Shape RandomImages(uint64_t seed, Rng& rng) {
  if (seed % 5 == 0) return {2, 3, rng.Between(3, 19)};
  return {rng.Between(1, 3), 3, rng.Between(3, 19), rng.Between(3, 19)};
}

TEST(MovementSteps, SlicesOfImages) {
  for (uint64_t seed = 1; seed <= 30; ++seed) {
    SCOPED_TRACE(seed);
    Rng rng(seed);
    const int64_t channels = rng.Between(1, 40);
    const Shape input = RandomImages(seed, rng);
    std::vector<int64_t> starts, ends, axes, steps;
    for (int64_t axis = 1; axis < std::ssize(input); ++axis) {
      const int64_t extent = axis == 1 ? channels : input[axis];
      if (rng.Below(4) == 0) continue;
      starts.push_back(rng.Between(0, extent - 1) - (rng.Below(2) == 0 ? extent : 0));
      ends.push_back(
          rng.Below(2) == 0 ? 1000 : rng.Between((starts.back() + extent) % extent + 1, extent));
      axes.push_back(axis - (rng.Below(2) == 0 ? std::ssize(input) : 0));
      steps.push_back(axis == 1 ? 1 : rng.Between(1, 3));
    }
    if (axes.empty()) continue;
    ExpectMovesImages(input, channels, "Slice", {Ints(starts), Ints(ends), Ints(axes), Ints(steps)},
                      rng);
  }
}

TEST(MovementSteps, PadsOfImages) {
  for (uint64_t seed = 1; seed <= 30; ++seed) {
    SCOPED_TRACE(seed);
    Rng rng(seed);
    const int64_t channels = rng.Between(1, 40);
    const Shape input = RandomImages(seed, rng);
    std::vector<int64_t> pads(2 * input.size(), 0);
    for (size_t i = 0; i < pads.size(); ++i) {
      if (i % input.size() != 0)
        pads[i] = rng.Below(2) * rng.Between(0, i % input.size() == 1 ? 20 : 3);
    }
    Constants constants = {Ints(pads)};
    if (seed % 2 == 0) constants.push_back(Tensor::Scalar(seed % 4 == 0 ? 0.0f : -1.5f));
    ExpectMovesImages(input, channels, "Pad", constants, rng);
  }
}

// The shortcut of ResNet-20: every other pixel, and channels of zeros on either side.
TEST(MovementSteps, AShortcutHasNoConversions) {
  Rng rng(5);
  Builder b(rng);
  const Shape input = {2, 8, 11, 9};
  const ValueId x = b.AddConv(b.Input(input), {.channels = 8, .outputs = 16});
  const ValueId main = b.AddConv(x, {.channels = 16, .outputs = 32, .stride = 2});
  const ValueId sliced =
      AddMovement(b, x, "Slice", {Ints({0, 0}), Ints({99, 99}), Ints({2, 3}), Ints({2, 2})});
  const ValueId padded = AddMovement(b, sliced, "Pad", {Ints({0, 8, 0, 0, 0, 8, 0, 0})});
  b.graph.AddOutput(b.AddOp(
      "GlobalAveragePool", {b.AddConv(main, {.channels = 32, .outputs = 32, .residual = padded})}));
  for (const Format format : {Format::kFp32, Format::kDfp16}) {
    auto session = Session::Create(*ApplyFormat(b.graph, format), {.threads = 1});
    ASSERT_TRUE(session.ok()) << session.status().ToString();
    const auto plan = (*session)->PlanFor({{ElementType::kFloat32, input, {}}});
    ASSERT_TRUE(plan.ok()) << plan.status().ToString();
    const auto count = [&](std::string_view op) {
      return std::count_if((*plan)->steps.begin(), (*plan)->steps.end(),
                           [&](const PlannedStep& step) { return step.op == op; });
    };
    EXPECT_EQ(count("Slice"), 1);
    EXPECT_EQ(count("Pad"), 1);
    EXPECT_EQ(count("Convert"), 1) << "the input's only";
  }
}

// What the steps do not do is done by the plain implementation, and right.
TEST(MovementSteps, OthersStayPlain) {
  struct Case {
    std::string op;
    Constants constants;
    Attributes attributes;
  };
  const std::vector<Case> cases = {
      {"Slice", {Ints({-1}), Ints({-99}), Ints({3}), Ints({-2})}, {}},
      {"Slice", {Ints({0}), Ints({99}), Ints({1}), Ints({2})}, {}},
      {"Slice", {Ints({1}), Ints({2}), Ints({0})}, {}},
      {"Pad", {Ints({0, 0, 1, 1, 0, 0, 1, 1})}, {{"mode", std::string("reflect")}}},
      {"Pad", {Ints({0, 0, -1, 0, 0, 0, 1, 0})}, {}},
      {"Pad", {Ints({1, 0, 0, 0, 0, 0, 0, 0})}, {}},
  };
  for (size_t i = 0; i < cases.size(); ++i) {
    SCOPED_TRACE(i);
    Rng rng(i);
    Builder b(rng);
    const Shape input = {2, 3, 7, 6};
    const ValueId x = b.AddConv(b.Input(input), {.channels = 3, .outputs = 10});
    b.graph.AddOutput(AddMovement(b, x, cases[i].op, cases[i].constants, cases[i].attributes));
    const Tensor data = RandomTensor(input, rng);
    const auto oracle = EvaluateGraph(b.graph, {data});
    ASSERT_TRUE(oracle.ok()) << oracle.status().ToString();
    auto session = Session::Create(b.graph, {.threads = 1});
    ASSERT_TRUE(session.ok()) << session.status().ToString();
    const auto outputs = (*session)->Run({data});
    ASSERT_TRUE(outputs.ok()) << outputs.status().ToString();
    ExpectClose((*outputs)[0], (*oracle)[0], 2e-5);
    const auto plan = (*session)->PlanFor({{ElementType::kFloat32, input, {}}});
    for (const PlannedStep& step : (*plan)->steps) {
      if (step.op == cases[i].op) {
        EXPECT_EQ(step.step->kernel(), "plain");
      }
    }
  }
}

// Slices and pads that are parts of a concatenation write into it, and leave the other parts alone.
TEST(MovementSteps, WriteTheirPartOfAConcatenation) {
  Rng rng(6);
  Builder b(rng);
  const Shape input = {2, 3, 9, 7};
  const ValueId x = b.AddConv(b.Input(input), {.channels = 3, .outputs = 12});
  const ValueId half = b.AddConv(x, {.channels = 12, .outputs = 7, .stride = 2});
  const ValueId sliced =
      AddMovement(b, x, "Slice", {Ints({0, 0}), Ints({99, 99}), Ints({2, 3}), Ints({2, 2})});
  const ValueId padded = AddMovement(b, half, "Pad", {Ints({0, 2, 0, 0, 0, 3, 0, 0})});
  const ValueId all = b.AddOp("Concat", {sliced, half, padded}, {{"axis", int64_t{1}}});
  b.graph.AddOutput(b.AddConv(all, {.channels = 31, .outputs = 6}));
  const Tensor data = RandomTensor(input, rng);
  const auto oracle = EvaluateGraph(b.graph, {data});
  ASSERT_TRUE(oracle.ok()) << oracle.status().ToString();
  for (const Format format : {Format::kFp32, Format::kDfp16}) {
    auto session = Session::Create(*ApplyFormat(b.graph, format), {.threads = 1});
    ASSERT_TRUE(session.ok()) << session.status().ToString();
    const auto outputs = (*session)->Run({data});
    ASSERT_TRUE(outputs.ok()) << outputs.status().ToString();
    ExpectClose((*outputs)[0], (*oracle)[0], format == Format::kFp32 ? 2e-5 : 4e-2);
  }
}

}  // namespace
}  // namespace deftnn
