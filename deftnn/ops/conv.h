// Conv's attributes and sizes, for shape inference, the plain implementation, the pass that lowers
// it to a SynapseProduct, and the depthwise kernel.
#pragma once

#include <cstdint>

#include "deftnn/graph/graph.h"
#include "deftnn/ops/window.h"

namespace deftnn {

/// X: N x groups * channels x spatial; W: outputs x channels x kernel; B: outputs. One or two
/// spatial axes.
struct ConvAttributes {
  int64_t groups = 1;
  int64_t channels = 0;  // input channels of one group
  int64_t outputs = 0;   // output channels of all groups
  Window window;

  /// Every input channel is a group of its own.
  bool depthwise() const { return channels == 1 && groups > 1; }
  /// The output's shape for a batch of n.
  Shape OutputShape(int64_t n) const;

  /// Reads the node's attributes for inputs X and W of these shapes, and checks that all agree.
  static Result<ConvAttributes> Read(const Node& node, const Shape& x, const Shape& w);
};

}  // namespace deftnn
