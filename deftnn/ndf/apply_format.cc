#include "deftnn/ndf/apply_format.h"

#include "deftnn/base/half.h"
#include "deftnn/graph/patch.h"
#include "deftnn/ops/synapse_product.h"

namespace deftnn {
namespace {

constexpr size_t kWeights = SynapseProduct::kW;

Tensor ToBfloat16(const Tensor& values) {
  Tensor codes = Tensor::Zeros(ElementType::kBfloat16, values.shape());
  const auto from = values.values<float>();
  auto to = codes.mutable_codes16();
  for (size_t i = 0; i < from.size(); ++i) to[i] = EncodeBfloat16(from[i]);
  return codes;
}

}  // namespace

bool HasFormat(const Node& node) {
  return node.domain == kDeftnnDomain && (IsSynapseProduct(node) || node.op == "DepthwiseConv");
}

Result<Graph> ApplyFormat(const Graph& graph, const FormatChoice& choice) {
  Patch patch(graph);
  for (size_t i = 0; i < graph.nodes().size(); ++i) {
    const Node& node = graph.nodes()[i];
    if (!HasFormat(node)) continue;
    const Format format = choice.of(node);
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

std::string NameOf(const FormatChoice& choice) {
  return choice.in_fp32.empty() ? std::string(NameOf(choice.common)) : "mixed";
}

FormatChoice FormatsOf(const Graph& graph) {
  FormatChoice choice;
  std::set<std::string, std::less<>> in_fp32;
  for (const Node& node : graph.nodes()) {
    if (!HasFormat(node)) continue;
    if (WeightFormat(graph, node) == Format::kFp32) {
      in_fp32.insert(node.name);
    } else {
      choice.common = Format::kDfp16;
    }
  }
  if (!choice.all_fp32()) choice.in_fp32 = std::move(in_fp32);
  return choice;
}

Format WeightFormat(const Graph& graph, const Node& node) {
  const Tensor* weights = HasFormat(node) ? graph.Constant(node.inputs[kWeights]) : nullptr;
  return weights != nullptr && weights->type() == ElementType::kBfloat16 ? Format::kDfp16
                                                                         : Format::kFp32;
}

}  // namespace deftnn
