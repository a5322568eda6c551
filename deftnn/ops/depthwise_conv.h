// DepthwiseConv (domain "deftnn"): a convolution of each channel by itself, with an activation.
//
//   y[n, c, p] = activation(bias[c] + sum over k of w[c, 0, k] * x[n, c, p * stride + k * dilation
//   - pad])
//
// Inputs:  X     N x C x spatial (one or two spatial axes), float32
//          W     C x 1 x kernel, float32 or bfloat16
//          bias  float32 [C], optional
// Attributes: kernel_shape, strides, dilations, pads, auto_pad as ONNX's Conv (no group: it is C),
//          activation, alpha, beta as SynapseProduct's.
#pragma once

#include "deftnn/base/activation.h"
#include "deftnn/ops/op.h"
#include "deftnn/ops/window.h"

namespace deftnn {

struct DepthwiseConv {
  enum Input : size_t { kX = 0, kW = 1, kBias = 2 };

  Window window;
  ActivationSpec activation;

  /// Reads and checks the attributes for inputs X and W of these shapes.
  static Result<DepthwiseConv> Read(const Node& node, const Shape& x, const Shape& w);
};

inline constexpr std::string_view kDepthwiseConv = "DepthwiseConv";
inline bool IsDepthwiseConv(const Node& node) {
  return node.op == kDepthwiseConv && node.domain == kDeftnnDomain;
}

}  // namespace deftnn
