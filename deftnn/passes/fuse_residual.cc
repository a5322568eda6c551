// fuse_residual: the addition of another activation right after a product moves into its epilogue.
#include "deftnn/ops/synapse_product.h"
#include "deftnn/passes/pass.h"

namespace deftnn {
namespace {

bool TakesResidual(const Graph& graph, const PassContext& context, ValueId id) {
  const int index = context.producer(id);
  if (index < 0 || context.only_reader(id) < 0) return false;
  const Node& node = graph.node(index);
  return IsSynapseProduct(node) && node.String("activation", "").empty() &&
         !node.has_input(SynapseProduct::kResidual);
}

// Where both branches could take the other, the product that is computed later does: its residual
// is there by then. No cycle can come of it, since only the addition reads the product.
Result<std::optional<Patch>> Next(const Graph& graph, PassContext& context) {
  for (size_t i = 0; i < graph.nodes().size(); ++i) {
    const Node& add = graph.node(static_cast<int>(i));
    if (!add.domain.empty() || add.op != "Add" || add.inputs.size() != 2) continue;
    ValueId product = add.inputs[0], residual = add.inputs[1];
    if (context.producer(residual) > context.producer(product)) std::swap(product, residual);
    if (!TakesResidual(graph, context, product)) std::swap(product, residual);
    if (!TakesResidual(graph, context, product)) continue;
    if (graph.Constant(residual) != nullptr) continue;
    const std::vector<ValueInfo>* shapes = context.shapes();
    if (shapes == nullptr) return std::optional<Patch>();
    const ValueInfo &a = (*shapes)[product], &b = (*shapes)[residual];
    if (a.type != ElementType::kFloat32 || b.type != a.type || a.shape != b.shape) continue;
    Patch patch(graph);
    const int index = context.producer(product);
    Node fused = graph.node(index);
    fused.inputs.resize(SynapseProduct::kResidual + 1, kNoValue);
    fused.inputs[SynapseProduct::kResidual] = residual;
    fused.outputs[0] = add.outputs[0];
    patch.ReplaceNode(index, std::move(fused));
    patch.RemoveNode(static_cast<int>(i));
    return std::optional<Patch>(std::move(patch));
  }
  return std::optional<Patch>();
}

}  // namespace

extern const Pass kFuseResidualPass;
constinit const Pass kFuseResidualPass = {
    "fuse_residual", "moves the addition of another activation into the product before it", &Next};

}  // namespace deftnn
