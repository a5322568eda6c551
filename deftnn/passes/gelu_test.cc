// fuse_gelu, and sink_reshape, which leads what follows a product to it.
#include <gtest/gtest.h>

#include <cmath>

#include "deftnn/ops/synapse_product.h"
#include "deftnn/passes/passes.h"
#include "deftnn/passes/random_network_test.h"

namespace deftnn {
namespace {

using test::CountOp;
using test::ExpectSameOutputs;
using test::NetworkBuilder;
using test::RandomInputs;

// GELU in the ways that exporters write it, and some that none does.
class GeluBuilder : public NetworkBuilder {
 public:
  using NetworkBuilder::NetworkBuilder;

  ValueId Number(double value) {
    const float number = static_cast<float>(value);
    return graph().AddConstant(
        "number", Coin() ? Tensor::Scalar(number) : Tensor::Of<float>({1}, std::vector{number}));
  }
  ValueId Times(ValueId a, ValueId b) { return Op("Mul", Either(a, b)); }
  ValueId Plus(ValueId a, ValueId b) { return Op("Add", Either(a, b)); }

  ValueId Gelu(ValueId x, bool by_tanh, double slope = 1) {
    ValueId u = kNoValue;
    if (by_tanh) {
      const ValueId cube = Coin() ? Op("Pow", {x, Number(3)})
                                  : Times(x, Coin() ? Op("Pow", {x, Number(2)}) : Times(x, x));
      u = Times(Number(slope * std::sqrt(2 / M_PI)), Plus(x, Times(Number(0.044715), cube)));
      if (Coin()) {  // x * (c + c k x^2)
        const double c = slope * std::sqrt(2 / M_PI);
        u = Times(x, Plus(Number(c), Times(Number(c * 0.044715), Times(x, x))));
      }
    } else {
      u = Coin() ? Op("Div", {x, Number(std::sqrt(2.0) / slope)})
                 : Times(x, Number(slope * std::sqrt(0.5)));
    }
    const ValueId t = Op(by_tanh ? "Tanh" : "Erf", {u});
    switch (rng().Below(4)) {
      case 0:
        return Times(x, Times(Number(0.5), Plus(Number(1), t)));
      case 1:
        return Times(Times(x, Plus(t, Number(1))), Number(0.5));
      case 2:
        return Op("Div", {Plus(Times(x, t), x), Number(2)});
      default:
        return Times(Times(Number(0.5), x), Plus(t, Number(1)));
    }
  }

 private:
  std::vector<ValueId> Either(ValueId a, ValueId b) {
    return Coin() ? std::vector{a, b} : std::vector{b, a};
  }
};

Graph Canonical(const Graph& graph) {
  auto canonical = Canonicalise(graph);
  EXPECT_TRUE(canonical.ok()) << canonical.status().ToString();
  return canonical.ok() ? *canonical : graph;
}

TEST(FuseGelu, HoweverItIsWritten) {
  for (uint64_t seed = 1; seed <= 60; ++seed) {
    SCOPED_TRACE(seed);
    Rng rng(seed);
    GeluBuilder build(rng);
    const test::Image x = build.Input(3, 4, 5);
    build.graph().AddOutput(build.Gelu(x.id, seed % 2 == 0));
    const Graph canonical = Canonical(build.graph());
    ASSERT_EQ(canonical.nodes().size(), 1u);
    EXPECT_EQ(canonical.node(0).op, "Gelu");
    EXPECT_EQ(canonical.node(0).String("approximate", ""), seed % 2 == 0 ? "tanh" : "none");
    ExpectSameOutputs(build.graph(), canonical, RandomInputs(build.graph(), rng, 2), 1e-6);
  }
}

// Other slopes, a shift, a constant that adds an axis: no GELU.
TEST(FuseGelu, LeavesWhatIsNone) {
  for (uint64_t seed = 1; seed <= 20; ++seed) {
    SCOPED_TRACE(seed);
    Rng rng(seed);
    GeluBuilder build(rng);
    const test::Image x = build.Input(3, 4, 5);
    const bool by_tanh = seed % 2 == 0;
    build.graph().AddOutput(build.Gelu(x.id, by_tanh, 1.001));
    build.graph().AddOutput(build.Times(build.Gelu(x.id, by_tanh, 0.9), build.Number(1)));
    const ValueId halved = build.Op("Mul", {x.id, build.Floats({1, 1, 1, 1, 1}, 0.5, 0)});
    const ValueId erf = build.Op("Erf", {build.Times(x.id, build.Number(std::sqrt(0.5)))});
    build.graph().AddOutput(build.Times(halved, build.Plus(erf, build.Number(1))));
    const Graph canonical = Canonical(build.graph());
    EXPECT_EQ(CountOp(canonical, "Gelu"), 0);
    ExpectSameOutputs(build.graph(), canonical, RandomInputs(build.graph(), rng, 2));
  }
}

// What else is read of the arithmetic is still made.
TEST(FuseGelu, KeepsWhatIsReadBetween) {
  Rng rng(7);
  GeluBuilder build(rng);
  const test::Image x = build.Input(3, 4, 5);
  const ValueId t = build.Op("Erf", {build.Op("Div", {x.id, build.Number(std::sqrt(2.0))})});
  const ValueId y =
      build.Times(x.id, build.Times(build.Number(0.5), build.Plus(t, build.Number(1))));
  build.graph().AddOutput(t);
  build.graph().AddOutput(y);
  const Graph canonical = Canonical(build.graph());
  EXPECT_EQ(CountOp(canonical, "Gelu"), 1);
  EXPECT_EQ(CountOp(canonical, "Erf"), 1);
  ExpectSameOutputs(build.graph(), canonical, RandomInputs(build.graph(), rng, 2), 1e-6);
}

// A one-dimensional convolution written with two axes: bias and GELU arrive in the product.
TEST(SinkReshape, BiasAndGeluBehindASqueezeGoIntoTheProduct) {
  for (uint64_t seed = 1; seed <= 12; ++seed) {
    SCOPED_TRACE(seed);
    Rng rng(seed);
    GeluBuilder build(rng);
    const int64_t groups = seed % 3 == 0 ? 4 : 1;  // depthwise
    const test::Image x = build.Input(4, 9, 1);
    const ValueId weights = build.Floats({4, 4 / groups, 3, 1});
    ValueId y = build.Op("Conv", {x.id, weights}, {{"group", groups}});
    y = build.Coin() ? build.Op("Squeeze", {y, build.Ints({3})})
                     : build.Op("Reshape", {y, build.Ints({-1, 4, 7})});
    y = build.Plus(y, build.Coin() ? build.Floats({1, 4, 1}) : build.Floats({4, 1}));
    y = build.Times(y, build.Number(1.5));
    build.graph().AddOutput(build.Gelu(y, build.Coin()));
    const Graph canonical = Canonical(build.graph());
    ASSERT_EQ(canonical.nodes().size(), 2u);
    EXPECT_NE(canonical.node(0).String("activation", "").find("Gelu"), std::string::npos);
    ExpectSameOutputs(build.graph(), canonical, RandomInputs(build.graph(), rng, 2));
  }
}

TEST(SinkReshape, MatricesKeepTheirLastAxis) {
  Rng rng(3);
  GeluBuilder build(rng);
  const ValueId x = build.graph().AddValue("x", ElementType::kFloat32, Shape{kDynamic, 6, 5});
  build.graph().AddInput(x);
  const auto product = [&] { return build.Op("MatMul", {x, build.Floats({5, 8})}); };
  const auto as = [&](ValueId id, const std::vector<int64_t>& to) {
    return build.Op("Reshape", {id, build.Ints(to)});
  };
  build.graph().AddOutput(
      build.Op("Relu", {build.Plus(as(product(), {-1, 8}), build.Floats({8}))}));
  build.graph().AddOutput(
      build.Op("Relu", {build.Plus(as(product(), {-1, 4}), build.Floats({4}))}));
  build.graph().AddOutput(build.Plus(as(product(), {-1, 6, 1, 8}), build.Floats({6, 1, 1})));
  const Graph canonical = Canonical(build.graph());
  EXPECT_EQ(CountOp(canonical, "Add"), 2);   // of 4 columns out of 8; of one value a row
  EXPECT_EQ(CountOp(canonical, "Relu"), 1);  // behind the first of these
  ExpectSameOutputs(build.graph(), canonical, RandomInputs(build.graph(), rng, 2));
}

}  // namespace
}  // namespace deftnn
