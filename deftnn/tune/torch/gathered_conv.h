// A convolution that reads only some entries of the collapsed dimension K: the windows' kept
// entries are gathered into the columns of a matrix, and multiplied.
#pragma once

#include <ATen/core/Tensor.h>
#include <torch/custom_class.h>

#include <vector>

#include "deftnn/ops/window.h"

namespace deftnn::torch_engine {

/// Where the kept entries of K lie in the input.
struct Windows : torch::CustomClassHolder {
  Plane plane{};
  int64_t channels = 0;          // of the input
  std::vector<int64_t> entries;  // kept: (kh * KW + kw) * channels + c, rising
};

/// N x O x out_h x out_w from x (N x C x H x W) and weights (O x kept). The columns are made a few
/// samples at a time, and made again for the gradients, so that memory stays small.
at::Tensor GatheredConv(const at::Tensor& x, const at::Tensor& weights,
                        const c10::intrusive_ptr<Windows>& windows);

}  // namespace deftnn::torch_engine
