// fuse_activation: an activation right after a product moves into its epilogue.
#include "deftnn/ops/activations.h"
#include "deftnn/ops/depthwise_conv.h"
#include "deftnn/ops/synapse_product.h"
#include "deftnn/passes/pass.h"

namespace deftnn {
namespace {

Result<std::optional<Patch>> Next(const Graph& graph, PassContext& context) {
  for (size_t i = 0; i < graph.nodes().size(); ++i) {
    const Node& product = graph.node(static_cast<int>(i));
    if (!IsSynapseProduct(product) && !IsDepthwiseConv(product)) continue;
    if (!product.String("activation", "").empty()) continue;
    const int follower = context.only_reader(product.outputs[0]);
    if (follower < 0 || graph.node(follower).inputs[0] != product.outputs[0]) continue;
    const auto activation = ReadActivation(graph, graph.node(follower));
    if (!activation) continue;
    Patch patch(graph);
    Node fused = product;
    SynapseProduct::SetActivation(fused, *activation);
    fused.outputs[0] = graph.node(follower).outputs[0];
    patch.ReplaceNode(static_cast<int>(i), std::move(fused));
    patch.RemoveNode(follower);
    return std::optional<Patch>(std::move(patch));
  }
  return std::optional<Patch>();
}

}  // namespace

extern const Pass kFuseActivationPass;
constinit const Pass kFuseActivationPass = {
    "fuse_activation", "moves an activation into the product before it", &Next};

}  // namespace deftnn
