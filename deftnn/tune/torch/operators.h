// Operators in terms of LibTorch, so that gradients flow through them.
#pragma once

#include <ATen/core/Tensor.h>

#include <vector>

#include "deftnn/ops/op.h"

namespace deftnn::torch_engine {

/// One node and what it reads. `inputs[i]` is undefined where input i is absent or no float32;
/// `plain[i]` is null where it is one.
struct OperatorCall {
  const Node& node;
  std::vector<at::Tensor> inputs;
  std::vector<const Tensor*> plain;
  std::vector<const ValueInfo*> input_infos, output_infos;  // null where absent

  bool has(size_t i) const { return i < inputs.size() && inputs[i].defined(); }
  const Shape& output_shape(size_t i = 0) const { return output_infos[i]->shape; }
  /// The integers of input i; empty where it is absent.
  Result<std::vector<int64_t>> Ints(size_t i) const;
};

/// One tensor an output, of the inferred shapes. An error: this form of the operator has none.
using Operator = Result<std::vector<at::Tensor>> (*)(const OperatorCall& call);

/// Null when there is none.
Operator FindOperator(const Node& node);

/// Y = activation(P(X) W^T + bias + residual) with the kept entries of K alone (ops/).
Result<std::vector<at::Tensor>> ApplySynapseProduct(const OperatorCall& call);
Result<std::vector<at::Tensor>> ApplyDepthwiseConv(const OperatorCall& call);

}  // namespace deftnn::torch_engine
