// Folding y -> scale[o] * y + shift[o], one pair for each output channel, into the product before
// it.
#pragma once

#include <cstdint>
#include <vector>

#include "deftnn/passes/pass.h"

namespace deftnn {

/// One scale and one shift for each output of a product, in float64 so that chains of them keep
/// float32 weights as good as new.
struct OutputAffine {
  std::vector<double> scale, shift;
};

/// The index of the SynapseProduct or DepthwiseConv that makes `id` and can take an affine map of
/// its outputs: float32 constant weights, no activation, no residual, and nobody else reads `id`.
/// Otherwise -1.
int AffineTarget(const Graph& graph, const PassContext& context, ValueId id);

/// How many outputs the product has.
int64_t OutputsOf(const Graph& graph, const Node& product);

/// The product's output axis that counts from the front (conv: 1) or from the back (matmul: -1).
int OutputAxis(const Node& product);

/// Replaces the product by one with the map folded into weights and bias, which makes what node
/// `follower` made, and removes the follower.
void FoldAffineInto(Patch& patch, const Graph& graph, int product, int follower,
                    const OutputAffine& affine);

}  // namespace deftnn
