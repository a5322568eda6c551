// A product's weights in the order that a kernel reads them: made here, or found ready in a
// package.
#pragma once

#include <string>
#include <vector>

#include "deftnn/kernels/gemm/gemm.h"
#include "deftnn/ops/op.h"
#include "deftnn/runtime/backend.h"

namespace deftnn {

struct PackedPart {
  std::string key;  // "<isa>/<node>/<convolution group>/<layout>"
  gemm::PackedProduct product;
};

/// One part a convolution group. `x` is the input's shape; `contiguous_pixels` says that a pixel's
/// channels end where the next one's begin. Blobs of `ready` (may be null) are used in place when
/// their key and geometry fit; others are packed, into `pool` (may be null).
Result<std::vector<PackedPart>> PackProduct(const Node& node, const Tensor& weights,
                                            const Tensor& kept, const Tensor* bias, const Shape& x,
                                            Isa isa, bool contiguous_pixels,
                                            const PackedWeights* ready, MemoryPool* pool);

/// The kernel-independent description of a product node over an input of shape `x`.
Result<gemm::GemmSpec> DescribeProduct(const Node& node, const Tensor& weights, const Tensor& kept,
                                       const Shape& x);

}  // namespace deftnn
