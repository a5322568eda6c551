// gather_one_hot and fold_table: what a network looks up.
#include <gtest/gtest.h>

#include <limits>

#include "deftnn/passes/passes.h"
#include "deftnn/passes/random_network_test.h"

namespace deftnn {
namespace {

using test::CountOp;
using test::ExpectSameOutputs;
using test::NetworkBuilder;

// A network over indices [N, length] of int32 or int64.
class Lookup : public NetworkBuilder {
 public:
  Lookup(Rng& rng, ElementType type, int64_t length)
      : NetworkBuilder(rng), type_(type), length_(length) {
    index = graph().AddValue("index", type, Shape{kDynamic, length});
    graph().AddInput(index);
  }

  ValueId Integers(Shape shape, const std::vector<int64_t>& values) {
    return graph().AddConstant("integers", Integral(std::move(shape), values));
  }
  /// Cast(Equal(index as [N, length, 1], range)), the operands in any order.
  ValueId EqualToRange(const std::vector<int64_t>& range) {
    ValueId column = Op("Unsqueeze", {index, Ints({2})});
    if (Coin()) column = Op("Expand", {column, Ints({1, length_, 1})});
    const int64_t depth = std::ssize(range);
    const ValueId values = Integers(Coin() ? Shape{1, 1, depth} : Shape{depth}, range);
    const ValueId equal = Coin() ? Op("Equal", {column, values}) : Op("Equal", {values, column});
    return Op("Cast", {equal}, {{"to", int64_t{1}}});
  }
  ValueId OneHot(int64_t depth, float on = 1) {
    const ValueId values =
        graph().AddConstant("values", Tensor::Of<float>({2}, std::vector<float>{0, on}));
    return Op("OneHot", {index, Integers({}, {depth}), values});
  }

  /// Indices from -2 * depth to 2 * depth - 1.
  Tensor Indices(int64_t batch, int64_t depth) {
    std::vector<int64_t> values(static_cast<size_t>(batch * length_));
    for (int64_t& value : values) value = rng().Between(-2 * depth, 2 * depth - 1);
    return Integral({batch, length_}, values);
  }

  ValueId index = kNoValue;

 private:
  Tensor Integral(Shape shape, const std::vector<int64_t>& values) const {
    if (type_ == ElementType::kInt64) return Tensor::Of<int64_t>(std::move(shape), values);
    return Tensor::Of<int32_t>(std::move(shape),
                               std::vector<int32_t>(values.begin(), values.end()));
  }

  ElementType type_;
  int64_t length_;
};

std::vector<int64_t> Range(int64_t count) {
  std::vector<int64_t> values;
  for (int64_t i = 0; i < count; ++i) values.push_back(i);
  return values;
}

Graph Canonical(const Graph& graph) {
  auto canonical = Canonicalise(graph);
  EXPECT_TRUE(canonical.ok()) << canonical.status().ToString();
  return canonical.ok() ? *canonical : graph;
}

ElementType TypeOf(uint64_t seed) {
  return seed % 2 == 0 ? ElementType::kInt32 : ElementType::kInt64;
}

TEST(GatherOneHot, PicksRowsAndZerosOutOfRange) {
  for (uint64_t seed = 1; seed <= 40; ++seed) {
    SCOPED_TRACE(seed);
    Rng rng(seed);
    Lookup build(rng, TypeOf(seed), rng.Between(1, 6));
    const int64_t depth = rng.Between(1, 5), outputs = rng.Between(1, 7);
    const ValueId rows = build.Coin() ? build.OneHot(depth) : build.EqualToRange(Range(depth));
    build.graph().AddOutput(build.Op("MatMul", {rows, build.Floats({depth, outputs})}));
    const Graph canonical = Canonical(build.graph());
    EXPECT_EQ(CountOp(canonical, "Gather"), 1);
    EXPECT_EQ(CountOp(canonical, "SynapseProduct"), 0);
    for (const int64_t batch : {1, 3}) {
      ExpectSameOutputs(build.graph(), canonical, {build.Indices(batch, depth)});
    }
  }
}

TEST(GatherOneHot, LeavesWhatIsNoOneHot) {
  Rng rng(1);
  Lookup build(rng, ElementType::kInt64, 3);
  for (const ValueId rows : {build.OneHot(4, 2.0f), build.EqualToRange({0, 1, 3, 2})}) {
    build.graph().AddOutput(build.Op("MatMul", {rows, build.Floats({4, 2})}));
  }
  Tensor infinite = Tensor::Zeros(ElementType::kFloat32, {4, 2});
  infinite.mutable_values<float>()[0] = std::numeric_limits<float>::infinity();
  const ValueId weights = build.graph().AddConstant("infinite", infinite);
  build.graph().AddOutput(build.Op("MatMul", {build.OneHot(4), weights}));
  const Graph canonical = Canonical(build.graph());
  EXPECT_EQ(CountOp(canonical, "Gather"), 0);
  EXPECT_EQ(CountOp(canonical, "SynapseProduct"), 3);
}

// 0.5 x (1 + tanh(c (x + k x^3))), a bias, a clip: all of it goes into the table.
TEST(FoldTable, FunctionsOfRowsAreRows) {
  for (uint64_t seed = 1; seed <= 20; ++seed) {
    SCOPED_TRACE(seed);
    Rng rng(seed);
    Lookup build(rng, TypeOf(seed), rng.Between(1, 6));
    const int64_t depth = rng.Between(1, 9), outputs = rng.Between(1, 5);
    ValueId x =
        build.Op("MatMul", {build.EqualToRange(Range(depth)), build.Floats({depth, outputs})});
    x = build.Op("Add", {build.Floats({1, 1, outputs}), x});
    const ValueId cube =
        build.Op("Mul", {x, build.Op("Mul", {x, build.Op("Mul", {x, build.Floats({})})})});
    ValueId y = build.Op("Tanh", {build.Op("Add", {cube, x})});
    y = build.Op("Mul", {x, build.Op("Sub", {build.Floats({1}), y})});
    y = build.Op("Clip", {y, build.graph().AddConstant("low", Tensor::Scalar(-0.5f))});
    build.graph().AddOutput(y);
    if (build.Coin()) build.graph().AddOutput(x);
    const Graph canonical = Canonical(build.graph());
    EXPECT_EQ(CountOp(canonical, "Gather"), std::ssize(build.graph().outputs()));
    EXPECT_EQ(CountOp(canonical, "Mul") + CountOp(canonical, "Add") + CountOp(canonical, "Tanh"),
              0);
    ExpectSameOutputs(build.graph(), canonical, {build.Indices(2, depth)});
  }
}

TEST(FoldTable, LeavesWhatIsNoFunctionOfARow) {
  Rng rng(2);
  Lookup build(rng, ElementType::kInt64, 3);
  const auto lookup = [&] { return build.Op("MatMul", {build.OneHot(4), build.Floats({4, 2})}); };
  const ValueId other = build.graph().AddValue("other", ElementType::kInt64, Shape{kDynamic, 3});
  build.graph().AddInput(other);
  const ValueId elsewhere = build.Op("Gather", {build.Floats({9, 2}), other});
  build.graph().AddOutput(
      build.Op("Add", {lookup(), build.Floats({3, 1})}));  // varies with the place
  build.graph().AddOutput(build.Op("Mul", {lookup(), build.Floats({1, 1, 1, 2})}));  // adds an axis
  build.graph().AddOutput(build.Op("Mul", {lookup(), elsewhere}));
  const Graph canonical = Canonical(build.graph());
  EXPECT_EQ(CountOp(canonical, "Add"), 1);
  EXPECT_EQ(CountOp(canonical, "Mul"), 2);
  const Tensor places = Tensor::Of<int64_t>({1, 3}, std::vector<int64_t>{0, 8, 4});
  ExpectSameOutputs(build.graph(), canonical, {build.Indices(1, 4), places});
}

// Expand and Slice that change nothing at any batch go; a Slice backwards and an Expand to the
// extent of one batch stay.
TEST(RemoveIdentity, ShapesThatStayWhateverTheBatch) {
  Rng rng(3);
  NetworkBuilder build(rng);
  const test::Image x = build.Input(3, 5, 6);
  const auto slice = [&](int64_t begin, int64_t end, int64_t step) {
    return build.Op("Slice", {x.id, build.Ints({begin}), build.Ints({end}), build.Ints({3}),
                              build.Ints({step})});
  };
  const ValueId shape = build.Op("Shape", {x.id});
  build.graph().AddOutput(build.Op("Relu", {build.Op("Expand", {x.id, shape})}));
  build.graph().AddOutput(build.Op("Relu", {slice(0, 99, 1)}));
  build.graph().AddOutput(build.Op("Relu", {slice(-1, -99, -1)}));
  const Graph canonical = Canonical(build.graph());
  EXPECT_EQ(CountOp(canonical, "Slice"), 1);
  EXPECT_EQ(CountOp(canonical, "Expand"), 0);
  ExpectSameOutputs(build.graph(), canonical, test::RandomInputs(build.graph(), rng, 2));

  NetworkBuilder three(rng);
  const ValueId y = three.Input(3, 5, 6).id;
  three.graph().AddOutput(three.Op("Relu", {three.Op("Expand", {y, three.Ints({3, 1, 1, 1})})}));
  EXPECT_EQ(CountOp(Canonical(three.graph()), "Expand"), 1);
}

}  // namespace
}  // namespace deftnn
