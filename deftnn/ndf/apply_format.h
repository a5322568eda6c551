// Near-compute data fission at the level of the graph: which format each product's weights are kept
// in. A product with bfloat16 weights reads its input in DFP16 too; the plan lets the activations
// follow.
#pragma once

#include <functional>

#include "deftnn/graph/graph.h"
#include "deftnn/ndf/formats/format.h"

namespace deftnn {

/// The graph with the weights of every product and depthwise convolution whose node `chosen`
/// accepts rounded to `format` (to nearest even); the others are left as they are. A null `chosen`
/// takes all.
Result<Graph> ApplyFormat(const Graph& graph, Format format,
                          const std::function<bool(const Node&)>& chosen = nullptr);

/// The format that a product's or depthwise convolution's weights are kept in.
Format WeightFormat(const Graph& graph, const Node& node);

}  // namespace deftnn
