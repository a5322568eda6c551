#include "deftnn/passes/output_affine.h"

#include "deftnn/ops/depthwise_conv.h"
#include "deftnn/ops/synapse_product.h"

namespace deftnn {
namespace {

constexpr size_t kWeights = 1;
static_assert(SynapseProduct::kW == kWeights && DepthwiseConv::kW == kWeights);

size_t BiasInput(const Node& product) {
  return IsDepthwiseConv(product) ? size_t{DepthwiseConv::kBias} : size_t{SynapseProduct::kBias};
}

bool IsFloatConstant(const Graph& graph, ValueId id) {
  const Tensor* constant = graph.Constant(id);
  return constant != nullptr && constant->type() == ElementType::kFloat32;
}

}  // namespace

int AffineTarget(const Graph& graph, const PassContext& context, ValueId id) {
  const int index = context.producer(id);
  if (index < 0 || context.only_reader(id) < 0) return -1;
  const Node& node = graph.node(index);
  const bool depthwise = IsDepthwiseConv(node);
  if (!depthwise && !IsSynapseProduct(node)) return -1;
  if (!node.String("activation", "").empty()) return -1;
  if (!depthwise && node.has_input(SynapseProduct::kResidual)) return -1;
  const size_t bias = BiasInput(node);
  if (!IsFloatConstant(graph, node.inputs[kWeights])) return -1;
  if (node.has_input(bias) && !IsFloatConstant(graph, node.inputs[bias])) return -1;
  return index;
}

int64_t OutputsOf(const Graph& graph, const Node& product) {
  return graph.Constant(product.inputs[kWeights])->dim(0);
}

int OutputAxis(const Node& product) {
  return IsDepthwiseConv(product) || product.String("kind", "") == "conv" ? 1 : -1;
}

void FoldAffineInto(Patch& patch, const Graph& graph, int product, int follower,
                    const OutputAffine& affine) {
  Node node = graph.node(product);
  const Tensor& weights = *graph.Constant(node.inputs[kWeights]);
  const int64_t outputs = weights.dim(0), row = outputs == 0 ? 0 : weights.size() / outputs;
  DEFTNN_CHECK(static_cast<int64_t>(affine.scale.size()) == outputs);
  Tensor scaled = weights;
  bool changes = false;
  for (double scale : affine.scale) changes = changes || scale != 1.0;
  if (changes) {
    auto values = scaled.mutable_values<float>();
    for (int64_t i = 0; i < outputs * row; ++i) {
      values[i] = static_cast<float>(values[i] * affine.scale[i / row]);
    }
    node.inputs[kWeights] = patch.AddConstant(node.name + ".weights", std::move(scaled));
  }
  const size_t at = BiasInput(node);
  const Tensor* old = node.has_input(at) ? graph.Constant(node.inputs[at]) : nullptr;
  Tensor bias = Tensor::Zeros(ElementType::kFloat32, {outputs});
  auto values = bias.mutable_values<float>();
  for (int64_t o = 0; o < outputs; ++o) {
    const double before = old == nullptr ? 0.0 : double{old->values<float>()[o]};
    values[o] = static_cast<float>(before * affine.scale[o] + affine.shift[o]);
  }
  while (node.inputs.size() <= at) node.inputs.push_back(kNoValue);
  node.inputs[at] = patch.AddConstant(node.name + ".bias", std::move(bias));
  node.outputs[0] = graph.node(follower).outputs[0];
  patch.ReplaceNode(product, std::move(node));
  patch.RemoveNode(follower);
}

}  // namespace deftnn
