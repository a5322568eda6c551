// Which nodes are element-wise activations that a product's epilogue or one kernel can apply.
#pragma once

#include <optional>

#include "deftnn/base/activation.h"
#include "deftnn/graph/graph.h"

namespace deftnn {

/// Relu, Clip with constant bounds, LeakyRelu, Sigmoid, HardSigmoid, HardSwish, Tanh, Gelu; nothing
/// for others.
std::optional<ActivationSpec> ReadActivation(const Graph& graph, const Node& node);

}  // namespace deftnn
