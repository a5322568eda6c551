// SynapseProduct (domain "deftnn"): the one form of a matrix product with constant weights, dense
// or with synapse vectors eliminated. Convolution, Gemm and MatMul are all lowered to it.
//
//   Y = activation(P(X) . W^T + bias + residual)
//
// P(X) lays the inputs out along the collapsed dimension K; for a convolution k = (kh * KW + kw) *
// C + c (channel fastest, C the input channels of one convolution group), for a matmul k = c. Only
// the kept K groups exist: group g of `kept` stands for k in [kept[g] * group_size, (kept[g] + 1) *
// group_size), and column g * group_size + j of W multiplies entry kept[g] * group_size + j.
//
// Inputs:  X         N x C*groups x spatial (conv, one or two spatial axes), or ... x C (matmul)
//          W         [outputs, kept groups * group_size], float32 or bfloat16
//          kept      int32 [kept groups], strictly rising; one table for every convolution group
//          bias      float32 [outputs], optional
//          residual  the output's shape, optional
// Attributes: kind ("conv" or "matmul"), channels (C), group_size, groups (convolution groups, 1),
//          kernel_shape, strides, dilations, pads, auto_pad (conv), activation ("", "Relu", "Clip",
//          "LeakyRelu", "Sigmoid", "HardSigmoid", "HardSwish", "Tanh", "Gelu", "GeluTanh"), alpha,
//          beta.
#pragma once

#include <cstdint>
#include <vector>

#include "deftnn/base/activation.h"
#include "deftnn/ops/op.h"
#include "deftnn/ops/window.h"

namespace deftnn {

struct SynapseProduct {
  enum class Kind { kConv, kMatmul };
  enum Input : size_t { kX = 0, kW = 1, kKept = 2, kBias = 3, kResidual = 4 };

  Kind kind = Kind::kMatmul;
  int64_t channels = 0;    // C
  int64_t group_size = 1;  // entries of a K group
  int64_t groups = 1;      // convolution groups
  ActivationSpec activation;

  /// Reads and checks the attributes.
  static Result<SynapseProduct> Read(const Node& node);
  /// Reads activation, alpha and beta, which deftnn.DepthwiseConv has too.
  static Result<ActivationSpec> GetActivation(const Node& node);
  /// Writes them into a node.
  static void SetActivation(Node& node, const ActivationSpec& activation);
};

/// The table of a dense product: 0, 1, ..., groups - 1.
Tensor EveryGroup(int64_t groups);

/// The kept entries of K, one by one, in order: kept[g] * group_size + j.
std::vector<int64_t> KeptEntries(const Tensor& kept, int64_t group_size);

/// Collapsed dimension before elimination: kernel positions x C.
int64_t FullK(const Node& node, const SynapseProduct& product);

extern const OpDef kSynapseProductOp;
inline constexpr std::string_view kSynapseProduct = "SynapseProduct";
inline bool IsSynapseProduct(const Node& node) {
  return node.op == kSynapseProduct && node.domain == kDeftnnDomain;
}

}  // namespace deftnn
