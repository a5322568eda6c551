#include "deftnn/ops/activations.h"

#include <limits>

namespace deftnn {
namespace {

// A Clip bound: absent, or a float32 constant of one element.
std::optional<float> Bound(const Graph& graph, const Node& node, size_t input, float absent) {
  if (!node.has_input(input)) return absent;
  const Tensor* constant = graph.Constant(node.inputs[input]);
  if (constant == nullptr || constant->type() != ElementType::kFloat32 || constant->size() != 1) {
    return std::nullopt;
  }
  return constant->values<float>()[0];
}

}  // namespace

std::optional<ActivationSpec> ReadActivation(const Graph& graph, const Node& node) {
  if (!node.domain.empty()) return std::nullopt;
  if (node.op == "Relu") return ActivationSpec{Activation::kRelu};
  if (node.op == "LeakyRelu")
    return ActivationSpec{Activation::kLeakyRelu, node.Float("alpha", 0.01f)};
  if (node.op == "Sigmoid") return ActivationSpec{Activation::kSigmoid};
  if (node.op == "Tanh") return ActivationSpec{Activation::kTanh};
  if (node.op == "Gelu") {
    const bool by_tanh = node.String("approximate", "none") == "tanh";
    return ActivationSpec{by_tanh ? Activation::kGeluTanh : Activation::kGelu};
  }
  if (node.op == "HardSwish") return ActivationSpec{Activation::kHardSwish};
  if (node.op == "HardSigmoid") {
    return ActivationSpec{Activation::kHardSigmoid, node.Float("alpha", 0.2f),
                          node.Float("beta", 0.5f)};
  }
  if (node.op == "Clip") {
    const auto low = Bound(graph, node, 1, -std::numeric_limits<float>::infinity());
    const auto high = Bound(graph, node, 2, std::numeric_limits<float>::infinity());
    if (low && high && *low <= *high) return ActivationSpec{Activation::kClip, *low, *high};
  }
  return std::nullopt;
}

}  // namespace deftnn
