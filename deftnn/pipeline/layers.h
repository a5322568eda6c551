// The layers that elimination works on, and what they cost.
#pragma once

#include <string>
#include <vector>

#include "deftnn/graph/graph.h"
#include "deftnn/ops/op.h"
#include "deftnn/ops/synapse_product.h"
#include "deftnn/sve/groupings/grouping.h"

namespace deftnn {

/// One SynapseProduct of a canonical graph.
struct Layer {
  std::string name;  // the node's
  std::string op;    // "Conv" or "MatMul"
  int64_t outputs = 0;
  int64_t full_k = 0;  // entries of one convolution group before elimination
  int64_t kept_k = 0;
  int64_t groups = 1;  // convolution groups
  int64_t rows = 0;    // output positions of the whole batch
  KLayout layout;
  double damping = 1e-2;  // of its refit, as a share of the mean diagonal of its Gram matrix
  std::string why_not;    // not empty: elimination leaves it alone, for this reason
  /// Layers (indices) whose outputs can be cut where this one drops whole input channels; empty
  /// when somebody else reads those channels.
  std::vector<int> producers;
  /// By producer: the input channels that it makes, rising. The branches of an addition make the
  /// same ones together, those of a concatenation different ones.
  std::vector<std::vector<int64_t>> made;

  int64_t macs() const { return rows * outputs * kept_k; }
};

/// In graph order. `infos` by ValueId.
Result<std::vector<Layer>> ListLayers(const Graph& graph, const std::vector<ValueInfo>& infos);

/// Multiply-adds of one run: products and depthwise convolutions.
int64_t NetworkMacs(const Graph& graph, const std::vector<ValueInfo>& infos);
/// Bytes of all constants.
int64_t NetworkBytes(const Graph& graph);

}  // namespace deftnn
