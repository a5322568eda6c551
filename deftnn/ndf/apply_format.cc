#include "deftnn/ndf/apply_format.h"

#include "deftnn/base/half.h"
#include "deftnn/graph/patch.h"
#include "deftnn/ops/synapse_product.h"

namespace deftnn {
namespace {

constexpr size_t kWeights = SynapseProduct::kW;

bool HasWeights(const Node& node) {
  return node.domain == kDeftnnDomain && (IsSynapseProduct(node) || node.op == "DepthwiseConv");
}

Tensor ToBfloat16(const Tensor& values) {
  Tensor codes = Tensor::Zeros(ElementType::kBfloat16, values.shape());
  const auto from = values.values<float>();
  auto to = codes.mutable_codes16();
  for (size_t i = 0; i < from.size(); ++i) to[i] = EncodeBfloat16(from[i]);
  return codes;
}

}  // namespace

Result<Graph> ApplyFormat(const Graph& graph, Format format,
                          const std::function<bool(const Node&)>& chosen) {
  Patch patch(graph);
  for (size_t i = 0; i < graph.nodes().size(); ++i) {
    const Node& node = graph.nodes()[i];
    if (!HasWeights(node) || (chosen && !chosen(node))) continue;
    const Tensor* weights = graph.Constant(node.inputs[kWeights]);
    if (weights == nullptr || WeightFormat(graph, node) == format) continue;
    DEFTNN_ASSIGN_OR_RETURN(Tensor values, ToFloat32(*weights));
    if (format == Format::kDfp16) values = ToBfloat16(values);
    // A constant of its own: another node may read the same weights in another format.
    Node replacement = node;
    replacement.inputs[kWeights] =
        patch.AddConstant(graph.value(node.inputs[kWeights]).name, values);
    patch.ReplaceNode(static_cast<int>(i), std::move(replacement));
  }
  return patch.Apply(graph);
}

Format WeightFormat(const Graph& graph, const Node& node) {
  const Tensor* weights = HasWeights(node) ? graph.Constant(node.inputs[kWeights]) : nullptr;
  return weights != nullptr && weights->type() == ElementType::kBfloat16 ? Format::kDfp16
                                                                         : Format::kFp32;
}

}  // namespace deftnn
