// What the pooling operators share: the window, and a walk over its positions.
#pragma once

#include <cstdint>
#include <span>

#include "deftnn/ops/op.h"
#include "deftnn/ops/window.h"

namespace deftnn {

/// X: N x C x spatial. Pooling attributes beside the window; padding is never pooled as a value
/// except that AveragePool may count it as zeros.
struct PoolAttributes {
  Window window;
  bool count_include_pad = false;  // AveragePool

  Shape OutputShape(const Shape& x) const;
  /// Reads the node's attributes for an input of shape x (at least one spatial axis).
  static Result<PoolAttributes> Read(const Node& node, const Shape& x);
};

/// The window at one output position, cut to the input: offsets of the input's elements within one
/// plane, and how many of the window's positions lie in the input or in its padding (what a ceil
/// mode window hangs over is neither).
struct PoolCell {
  std::vector<int64_t> offsets;
  int64_t with_padding = 0;
};
/// `output_at` is the row-major index of the output position within its plane; `input` the spatial
/// extents.
PoolCell CellAt(const Window& window, std::span<const int64_t> input, int64_t output_at);

/// Shape inference of the global pools: every spatial axis becomes one.
Status InferGlobalPool(InferContext& context);

}  // namespace deftnn
