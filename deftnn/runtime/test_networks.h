// Small networks of the canonical operators, for tests.
#pragma once

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "deftnn/base/rng.h"
#include "deftnn/graph/graph.h"
#include "deftnn/ops/synapse_product.h"

namespace deftnn {

inline Tensor RandomTensor(const Shape& shape, Rng& rng, double scale = 1) {
  Tensor tensor = Tensor::Zeros(ElementType::kFloat32, shape);
  for (float& value : tensor.mutable_values<float>())
    value = static_cast<float>(rng.Normal() * scale);
  return tensor;
}

/// Builds small networks of the canonical operators.
class Builder {
 public:
  explicit Builder(Rng& rng) : rng_(rng) {}

  ValueId Input(const Shape& shape) {
    const ValueId id = graph.AddValue("x", ElementType::kFloat32, shape);
    graph.AddInput(id);
    return id;
  }

  struct Conv {
    int64_t channels, outputs, kernel = 3, stride = 1, pad = 1, dilation = 1, groups = 1;
    double keep = 1.0;
    Activation activation = Activation::kRelu;
    ValueId residual = kNoValue;
  };
  ValueId AddConv(ValueId x, const Conv& conv, int axes = 2) {
    Node node;
    node.attributes["kind"] = std::string("conv");
    const auto all = [&](int64_t v) { return std::vector<int64_t>(axes, v); };
    node.attributes["kernel_shape"] = all(conv.kernel);
    node.attributes["strides"] = all(conv.stride);
    node.attributes["dilations"] = all(conv.dilation);
    node.attributes["pads"] = std::vector<int64_t>(2 * axes, conv.pad);
    node.attributes["groups"] = conv.groups;
    const int64_t channels = conv.channels / conv.groups;
    int64_t k = channels;
    for (int a = 0; a < axes; ++a) k *= conv.kernel;
    return Finish(node, x, channels, k, conv.outputs, conv.keep, conv.activation, conv.residual);
  }
  ValueId AddMatmul(ValueId x, int64_t channels, int64_t outputs, double keep = 1.0,
                    Activation activation = Activation::kNone) {
    Node node;
    node.attributes["kind"] = std::string("matmul");
    return Finish(node, x, channels, channels, outputs, keep, activation, kNoValue);
  }
  ValueId AddDepthwise(ValueId x, int64_t channels, int64_t stride = 1) {
    const std::vector<int64_t> kernel(2, 3), strides(2, stride), pads(4, 1);
    const ValueId w = graph.AddConstant("w", RandomTensor({channels, 1, 3, 3}, rng_, 0.3));
    Node node;
    node.domain = kDeftnnDomain;
    node.op = "DepthwiseConv";
    node.inputs = {x, w, graph.AddConstant("b", RandomTensor({channels}, rng_))};
    node.outputs = {graph.AddValue("y")};
    node.attributes = {{"kernel_shape", kernel}, {"strides", strides}, {"pads", pads}};
    graph.AddNode(node);
    return node.outputs[0];
  }
  ValueId AddOp(const std::string& op, std::vector<ValueId> inputs, Attributes attributes = {}) {
    const ValueId y = graph.AddValue(op);
    Node node;
    node.op = op;
    node.inputs = std::move(inputs);
    node.outputs = {y};
    node.attributes = std::move(attributes);
    graph.AddNode(node);
    return y;
  }

  Graph graph;

 private:
  ValueId Finish(Node node, ValueId x, int64_t channels, int64_t k, int64_t outputs, double keep,
                 Activation activation, ValueId residual) {
    std::vector<int32_t> kept;
    for (int64_t i = 0; i < k; ++i) {
      if (rng_.Uniform() < keep || (i == k - 1 && kept.empty()))
        kept.push_back(static_cast<int32_t>(i));
    }
    const int64_t n = static_cast<int64_t>(kept.size());
    node.domain = kDeftnnDomain;
    node.op = kSynapseProduct;
    node.attributes["channels"] = channels;
    SynapseProduct::SetActivation(node, {activation});
    node.inputs = {
        x, graph.AddConstant("w", RandomTensor({outputs, n}, rng_, 1 / std::sqrt(double(n)))),
        graph.AddConstant("kept", Tensor::Of<int32_t>({n}, kept)),
        graph.AddConstant("b", RandomTensor({outputs}, rng_))};
    if (residual != kNoValue) node.inputs.push_back(residual);
    node.outputs = {graph.AddValue("y")};
    graph.AddNode(node);
    return node.outputs[0];
  }

  Rng& rng_;
};

/// The largest difference of two float tensors of one shape, by the largest magnitude of `b`.
inline double RelativeError(const Tensor& a, const Tensor& b) {
  double worst = 0, largest = 0;
  const auto x = a.values<float>(), y = b.values<float>();
  for (size_t i = 0; i < x.size(); ++i) {
    worst = std::max(worst, std::abs(double{x[i]} - y[i]));
    largest = std::max(largest, std::abs(double{y[i]}));
  }
  return worst / std::max(largest, 1e-30);
}

}  // namespace deftnn
