// Random small networks in the shapes that exporters make, for the tests of the passes.
#pragma once

#include <gtest/gtest.h>

#include <cmath>
#include <string>
#include <vector>

#include "deftnn/base/rng.h"
#include "deftnn/ops/op.h"

namespace deftnn::test {

/// An activation of shape N x c x h x w.
struct Image {
  ValueId id;
  int64_t c, h, w;
};

class NetworkBuilder {
 public:
  explicit NetworkBuilder(Rng& rng) : rng_(rng) {}

  Graph& graph() { return graph_; }
  Rng& rng() { return rng_; }
  bool Coin() { return rng_.Below(2) == 0; }

  Image Input(int64_t c, int64_t h, int64_t w, int64_t batch = kDynamic) {
    const ValueId id = graph_.AddValue("x", ElementType::kFloat32, Shape{batch, c, h, w});
    graph_.AddInput(id);
    return {id, c, h, w};
  }
  ValueId Floats(Shape shape, double mean = 0, double deviation = 1) {
    Tensor tensor = Tensor::Zeros(ElementType::kFloat32, std::move(shape));
    for (float& v : tensor.mutable_values<float>()) {
      v = static_cast<float>(mean + deviation * rng_.Normal());
    }
    return graph_.AddConstant("constant", std::move(tensor));
  }
  ValueId Ints(const std::vector<int64_t>& values) {
    return graph_.AddConstant("ints", Tensor::Of<int64_t>({std::ssize(values)}, values));
  }
  ValueId Op(const std::string& op, std::vector<ValueId> inputs, Attributes attributes = {}) {
    const ValueId out = graph_.AddValue(op + "_out");
    graph_.AddNode({"", "", op, std::move(inputs), {out}, std::move(attributes)});
    return out;
  }

  Image Conv(Image x, int64_t outputs, int64_t kernel, int64_t groups = 1, int64_t stride = 1) {
    const int64_t channels = x.c / groups, pad = kernel / 2;
    std::vector<ValueId> inputs{x.id, Floats({outputs, channels, kernel, kernel}, 0,
                                             1 / std::sqrt(double(channels * kernel * kernel)))};
    if (Coin()) inputs.push_back(Floats({outputs}));
    Attributes attributes{{"group", groups},
                          {"strides", std::vector<int64_t>{stride, stride}},
                          {"pads", std::vector<int64_t>(4, pad)}};
    if (Coin()) attributes["kernel_shape"] = std::vector<int64_t>{kernel, kernel};
    const auto out = [&](int64_t extent) { return (extent + 2 * pad - kernel) / stride + 1; };
    return {Op("Conv", std::move(inputs), std::move(attributes)), outputs, out(x.h), out(x.w)};
  }
  Image BatchNorm(Image x) {
    const ValueId scale = Floats({x.c}, 1, 0.2), bias = Floats({x.c}), mean = Floats({x.c}, 0, 0.2);
    Tensor variance = Tensor::Zeros(ElementType::kFloat32, {x.c});
    for (float& v : variance.mutable_values<float>()) v = static_cast<float>(rng_.Uniform() + 0.5);
    x.id = Op("BatchNormalization",
              {x.id, scale, bias, mean, graph_.AddConstant("variance", std::move(variance))});
    return x;
  }
  /// y = (x - a) * b / c + d, some of it, in any order of the operands.
  Image SpelledOut(Image x) {
    const auto constant = [&](double mean) { return Floats({x.c, 1, 1}, mean, 0.1); };
    if (Coin()) x.id = Op("Sub", {x.id, constant(0)});
    if (Coin()) x.id = Op("Mul", {constant(1), x.id});
    if (Coin()) x.id = Op("Div", {x.id, Floats({1}, 2, 0.1)});
    if (Coin()) x.id = Op("Sub", {constant(0), x.id});
    x.id = Op("Add", {x.id, constant(0)});
    return x;
  }
  Image Normalised(Image x) {
    const int64_t which = rng_.Below(3);
    return which == 0 ? x : which == 1 ? BatchNorm(x) : SpelledOut(x);
  }
  ValueId Activation(ValueId x) {
    switch (rng_.Below(6)) {
      case 0:
        return Op("Clip", {x, graph_.AddConstant("low", Tensor::Scalar(-0.5f)),
                           graph_.AddConstant("high", Tensor::Scalar(2.0f))});
      case 1:
        return Op("LeakyRelu", {x}, {{"alpha", 0.1f}});
      case 2:
        return Op("HardSwish", {x});
      case 3:
        return x;
      default:
        return Op("Relu", {x});
    }
  }
  Image Block(Image x) {
    switch (rng_.Below(8)) {
      case 0:  // depthwise
        x = Normalised(Conv(x, x.c, 3, x.c));
        x.id = Activation(x.id);
        return x;
      case 1: {  // residual, perhaps with a projection
        Image y = Normalised(Conv(x, Coin() ? x.c : x.c + 2, 3));
        y.id = Activation(y.id);
        y = Normalised(Conv(y, y.c, 3));
        if (y.c != x.c) x = Normalised(Conv(x, y.c, 1));
        y.id = Activation(Op(
            "Add", Coin() ? std::vector<ValueId>{x.id, y.id} : std::vector<ValueId>{y.id, x.id}));
        return y;
      }
      case 2: {  // branches
        Image a = Normalised(Conv(x, rng_.Between(2, 5), 1)), b = Conv(x, rng_.Between(2, 5), 3);
        a.id = Activation(a.id);
        b.id = Activation(b.id);
        return {Op("Concat", {a.id, b.id}, {{"axis", int64_t{1}}}), a.c + b.c, a.h, a.w};
      }
      case 3:  // groups
        if (x.c % 2 != 0) return x;
        x = Normalised(Conv(x, 6, 3, 2));
        x.id = Activation(x.id);
        return x;
      case 4:
        if (x.h < 2 || x.w < 2) return x;
        x.id = Op(Coin() ? "MaxPool" : "AveragePool", {x.id},
                  {{"kernel_shape", std::vector<int64_t>{2, 2}},
                   {"strides", std::vector<int64_t>{2, 2}}});
        x.h /= 2;
        x.w /= 2;
        return x;
      case 5:
        x.id = Op(Coin() ? "Identity" : "Dropout", {x.id});
        return x;
      default:
        x = Normalised(Conv(x, rng_.Between(3, 8), Coin() ? 3 : 1, 1, rng_.Between(1, 2)));
        x.id = Activation(x.id);
        return x;
    }
  }
  /// [N, c, h, w] as [N, c*h*w], in the ways that exporters write it.
  ValueId Rows(Image x) {
    const int64_t size = x.c * x.h * x.w;
    switch (rng_.Below(4)) {
      case 0:
        return Op("Flatten", {x.id});
      case 1:
        return Op("Reshape", {x.id, Ints({-1, size})});
      case 2:
        return Op("Reshape", {x.id, Ints({0, -1})});
      default: {  // x.view(x.size(0), -1)
        const ValueId batch = Op("Gather", {Op("Shape", {x.id}), Ints({0})});
        return Op("Reshape", {x.id, Op("Concat", {batch, Ints({-1})}, {{"axis", int64_t{0}}})});
      }
    }
  }
  ValueId Dense(ValueId x, int64_t inputs, int64_t outputs) {
    const double deviation = 1 / std::sqrt(static_cast<double>(inputs));
    switch (rng_.Below(3)) {
      case 0:
        return Op("Gemm", {x, Floats({outputs, inputs}, 0, deviation), Floats({outputs})},
                  {{"transB", int64_t{1}}});
      case 1:
        return Op("Gemm", {x, Floats({inputs, outputs}, 0, deviation), Floats({1, outputs})},
                  {{"alpha", 0.5f}, {"beta", 2.0f}});
      default:
        return Op("Add",
                  {Op("MatMul", {x, Floats({inputs, outputs}, 0, deviation)}), Floats({outputs})});
    }
  }

 private:
  Graph graph_;
  Rng& rng_;
};

/// Convolutions in blocks, then two dense layers.
inline Graph RandomNetwork(Rng& rng) {
  NetworkBuilder build(rng);
  Image x = build.Input(rng.Between(1, 4), rng.Between(5, 8), rng.Between(5, 8),
                        rng.Below(3) == 0 ? 2 : kDynamic);
  x = build.Normalised(build.Conv(x, rng.Between(3, 8), 3));
  x.id = build.Activation(x.id);
  for (int64_t blocks = rng.Between(2, 5); blocks > 0; --blocks) x = build.Block(x);
  if (build.Coin()) {
    x.id = build.Op("GlobalAveragePool", {x.id});
    x.h = x.w = 1;
  }
  const int64_t hidden = rng.Between(3, 9);
  ValueId rows = build.Dense(build.Rows(x), x.c * x.h * x.w, hidden);
  rows = build.Dense(build.Activation(rows), hidden, 4);
  if (build.Coin()) rows = build.Op("Softmax", {rows});
  build.graph().AddOutput(rows);
  return build.graph();
}

inline std::vector<Tensor> RandomInputs(const Graph& graph, Rng& rng, int64_t batch) {
  std::vector<Tensor> inputs;
  for (const ValueInfo& info : DefaultInputs(graph, batch)) {
    Tensor tensor = Tensor::Zeros(info.type, info.shape);
    for (float& v : tensor.mutable_values<float>()) v = static_cast<float>(rng.Normal());
    inputs.push_back(std::move(tensor));
  }
  return inputs;
}

/// Both graphs make the same outputs: max|a - b| <= tolerance * (1 + max|a|).
inline void ExpectSameOutputs(const Graph& before, const Graph& after,
                              const std::vector<Tensor>& inputs, double tolerance = 1e-4) {
  const auto a = EvaluateGraph(before, inputs), b = EvaluateGraph(after, inputs);
  ASSERT_TRUE(a.ok()) << a.status().ToString();
  ASSERT_TRUE(b.ok()) << b.status().ToString();
  ASSERT_EQ(a->size(), b->size());
  for (size_t o = 0; o < a->size(); ++o) {
    EXPECT_EQ(before.value(before.outputs()[o]).name, after.value(after.outputs()[o]).name);
    ASSERT_EQ((*a)[o].shape(), (*b)[o].shape());
    ASSERT_EQ((*a)[o].type(), (*b)[o].type());
    if ((*a)[o].type() != ElementType::kFloat32) {
      EXPECT_TRUE(Identical((*a)[o], (*b)[o]));
      continue;
    }
    const auto x = (*a)[o].values<float>(), y = (*b)[o].values<float>();
    double largest = 0, error = 0;
    for (size_t i = 0; i < x.size(); ++i) {
      ASSERT_TRUE(std::isfinite(x[i]) && std::isfinite(y[i]));
      largest = std::max(largest, std::abs(double{x[i]}));
      error = std::max(error, std::abs(double{x[i]} - y[i]));
    }
    EXPECT_LE(error, tolerance * (1 + largest));
  }
}

inline int CountOp(const Graph& graph, std::string_view op) {
  int count = 0;
  for (const Node& node : graph.nodes()) count += node.op == op ? 1 : 0;
  return count;
}

inline int64_t CountParameters(const Graph& graph) {
  int64_t count = 0;
  for (const Value& value : graph.values()) {
    if (value.constant.type() == ElementType::kFloat32) count += value.constant.size();
  }
  return count;
}

}  // namespace deftnn::test
