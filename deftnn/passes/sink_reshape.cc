// sink_reshape: a Squeeze, Unsqueeze, Reshape or Flatten right behind a product moves behind the
// constant or activation that follows it, which can then go into the product.
#include "deftnn/ops/activations.h"
#include "deftnn/ops/depthwise_conv.h"
#include "deftnn/ops/synapse_product.h"
#include "deftnn/passes/output_affine.h"

namespace deftnn {
namespace {

bool IsReshape(const Node& node) {
  return node.domain.empty() && (node.op == "Squeeze" || node.op == "Unsqueeze" ||
                                 node.op == "Reshape" || node.op == "Flatten");
}

bool IsArithmetic(const Node& node) {
  return node.domain.empty() && node.inputs.size() == 2 &&
         (node.op == "Add" || node.op == "Sub" || node.op == "Mul" || node.op == "Div");
}

// The product's channel axis in what the reshape makes of it, if all of it arrives there.
bool KeepsChannels(PassContext& context, ValueId from, ValueId to, bool conv) {
  return context.AtEveryBatch([=](const std::vector<ValueInfo>& values) {
    const Shape &a = values[from].shape, &b = values[to].shape;
    if (a.empty() || b.empty()) return false;
    if (!conv) return a.back() == b.back();
    return a.size() > 1 && b.size() > 1 && a[0] == b[0] && a[1] == b[1];
  });
}

// A constant that meets a tensor of rank `rank` with one value for all or one a channel, for one of
// rank `other` with the channels at `other_axis`; undefined where it is neither.
Tensor ForOtherRank(const Tensor& constant, int rank, int axis, int other, int other_axis) {
  if (constant.type() != ElementType::kFloat32 || constant.rank() > rank) return {};
  if (constant.size() == 1) return constant.Reshaped({});
  const int at = axis - (rank - constant.rank());
  if (at < 0 || constant.dim(at) != constant.size()) return {};
  Shape shape(static_cast<size_t>(other - other_axis), 1);
  shape[0] = constant.size();
  return constant.Reshaped(std::move(shape));
}

// The follower as it would read the product itself, but for its output; nothing where it cannot.
std::optional<Node> BeforeReshape(const Graph& graph, PassContext& context, Patch& patch,
                                  int product, int reshape, int follower) {
  const ValueId from = graph.node(product).outputs[0], to = graph.node(reshape).outputs[0];
  Node node = graph.node(follower);
  if (node.inputs[0] == to && ReadActivation(graph, node)) {
    if (!graph.node(product).String("activation", "").empty()) return {};
    node.inputs[0] = from;
    return node;
  }
  if (!IsArithmetic(node) || AffineTarget(graph, context, from) < 0) return {};
  const size_t second = node.inputs[0] == to ? 1 : 0;
  const Tensor* constant = graph.Constant(node.inputs[second]);
  const int axis = OutputAxis(graph.node(product));
  if (constant == nullptr || !KeepsChannels(context, from, to, axis == 1)) return {};
  const auto& shapes = *context.shapes();
  const int from_rank = static_cast<int>(shapes[from].shape.size());
  const int to_rank = static_cast<int>(shapes[to].shape.size());
  Tensor moved = ForOtherRank(*constant, to_rank, axis < 0 ? to_rank - 1 : axis, from_rank,
                              axis < 0 ? from_rank - 1 : axis);
  if (!moved.defined()) return {};
  node.inputs[second] = patch.AddConstant(node.name + ".constant", std::move(moved));
  node.inputs[1 - second] = from;
  return node;
}

Result<std::optional<Patch>> Next(const Graph& graph, PassContext& context) {
  for (size_t i = 0; i < graph.nodes().size(); ++i) {
    const Node& reshape = graph.node(static_cast<int>(i));
    if (!IsReshape(reshape)) continue;
    const int product = context.producer(reshape.inputs[0]);
    if (product < 0 || context.only_reader(reshape.inputs[0]) != static_cast<int>(i)) continue;
    if (!IsSynapseProduct(graph.node(product)) && !IsDepthwiseConv(graph.node(product))) continue;
    const int follower = context.only_reader(reshape.outputs[0]);
    if (follower < 0) continue;
    Patch patch(graph);
    auto moved = BeforeReshape(graph, context, patch, product, static_cast<int>(i), follower);
    if (!moved) continue;
    const ValueId between = patch.AddValue(graph.value(reshape.inputs[0]).name + ".moved");
    Node behind = reshape;
    behind.inputs[0] = between;
    behind.outputs = moved->outputs;
    moved->outputs = {between};
    patch.ReplaceNode(follower, std::move(*moved));
    patch.ReplaceNode(static_cast<int>(i), std::move(behind));
    return std::optional<Patch>(std::move(patch));
  }
  return std::optional<Patch>();
}

}  // namespace

extern const Pass kSinkReshapePass;
constinit const Pass kSinkReshapePass = {
    "sink_reshape", "moves what follows a reshaped product in front of the reshape", &Next};

}  // namespace deftnn
