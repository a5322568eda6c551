// fold_batchnorm: BatchNormalization right after a product goes into its weights and bias:
// scale = gamma / sqrt(variance + epsilon), shift = beta - mean * scale.
#include <cmath>

#include "deftnn/passes/output_affine.h"

namespace deftnn {
namespace {

// Nothing when a statistic is no constant float32 list of `outputs`, or the variance makes no
// finite scale.
std::optional<OutputAffine> ReadBatchnorm(const Graph& graph, const Node& node, int64_t outputs) {
  const Tensor* inputs[4];
  for (size_t i = 0; i < 4; ++i) {
    inputs[i] = node.has_input(i + 1) ? graph.Constant(node.inputs[i + 1]) : nullptr;
    if (inputs[i] == nullptr || inputs[i]->type() != ElementType::kFloat32 ||
        inputs[i]->shape() != Shape{outputs}) {
      return {};
    }
  }
  const auto gamma = inputs[0]->values<float>(), beta = inputs[1]->values<float>();
  const auto mean = inputs[2]->values<float>(), variance = inputs[3]->values<float>();
  const double epsilon = node.Float("epsilon", 1e-5f);
  OutputAffine affine;
  for (int64_t o = 0; o < outputs; ++o) {
    const double scale = gamma[o] / std::sqrt(variance[o] + epsilon);
    affine.scale.push_back(scale);
    affine.shift.push_back(beta[o] - mean[o] * scale);
    if (!std::isfinite(scale) || !std::isfinite(affine.shift.back())) return {};
  }
  return affine;
}

Result<std::optional<Patch>> Next(const Graph& graph, PassContext& context) {
  for (size_t i = 0; i < graph.nodes().size(); ++i) {
    const Node& node = graph.node(static_cast<int>(i));
    if (!node.domain.empty() || node.op != "BatchNormalization" || !node.has_input(0)) continue;
    const int target = AffineTarget(graph, context, node.inputs[0]);
    if (target < 0) continue;
    const Node& product = graph.node(target);
    if (OutputAxis(product) != 1) {
      // The channels of a matmul are axis 1 only in a matrix.
      const std::vector<ValueInfo>* shapes = context.shapes();
      if (shapes == nullptr || (*shapes)[node.inputs[0]].shape.size() != 2) continue;
    }
    const auto affine = ReadBatchnorm(graph, node, OutputsOf(graph, product));
    if (!affine) continue;
    Patch patch(graph);
    FoldAffineInto(patch, graph, target, static_cast<int>(i), *affine);
    return std::optional<Patch>(std::move(patch));
  }
  return std::optional<Patch>();
}

}  // namespace

extern const Pass kFoldBatchnormPass;
constinit const Pass kFoldBatchnormPass = {
    "fold_batchnorm", "folds batch normalization into the product before it", &Next};

}  // namespace deftnn
