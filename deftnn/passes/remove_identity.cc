// remove_identity: nodes that hand their input on unchanged go, and a Transpose of a Transpose
// becomes one.
#include <algorithm>

#include "deftnn/passes/pass.h"

namespace deftnn {
namespace {

bool IsRising(const std::vector<int64_t>& perm) {
  for (size_t i = 0; i < perm.size(); ++i) {
    if (perm[i] != static_cast<int64_t>(i)) return false;
  }
  return true;
}

bool IsFalse(const Tensor* tensor) {
  return tensor != nullptr && tensor->type() == ElementType::kBool && tensor->size() == 1 &&
         !tensor->values<bool>()[0];
}

bool DropsNothing(const Graph& graph, const PassContext& context, const Node& node) {
  if (node.outputs.size() > 1 && node.outputs[1] != kNoValue && context.uses(node.outputs[1]) > 0) {
    return false;  // somebody reads the mask
  }
  return !node.has_input(2) || IsFalse(graph.Constant(node.inputs[2]));
}

// Every step of a Slice is one, so that equal shapes mean equal contents.
bool OnlyRisesByOne(const Graph& graph, const Node& slice) {
  if (!slice.has_input(4)) return true;
  const Tensor* steps = graph.Constant(slice.inputs[4]);
  const auto values = steps != nullptr ? ToInt64Vector(*steps) : Error("unknown");
  return values.ok() &&
         std::all_of(values->begin(), values->end(), [](int64_t step) { return step == 1; });
}

bool IsIdentity(const Graph& graph, PassContext& context, const Node& node) {
  if (!node.domain.empty() || !node.has_input(0) || node.outputs.empty()) return false;
  if (node.op == "Identity") return true;
  if (node.op == "Dropout") return DropsNothing(graph, context, node);
  if (node.op == "Transpose") {
    const std::vector<int64_t> perm = node.Ints("perm");
    return !perm.empty() && IsRising(perm);
  }
  if (node.op == "Expand" || node.op == "Reshape" ||
      (node.op == "Slice" && OnlyRisesByOne(graph, node))) {
    return context.SameShape(node.inputs[0], node.outputs[0]);
  }
  if (node.op == "Flatten") {  // of a matrix
    const std::vector<ValueInfo>* shapes = context.shapes();
    return shapes != nullptr && node.Int("axis", 1) == 1 &&
           (*shapes)[node.inputs[0]].shape.size() == 2;
  }
  if (node.op == "Cast") {
    const std::vector<ValueInfo>* shapes = context.shapes();
    return shapes != nullptr &&
           static_cast<int64_t>((*shapes)[node.inputs[0]].type) == node.Int("to", 0);
  }
  return false;
}

// An input or a constant must keep its own name, and one value is one output.
bool CanStandFor(const Graph& graph, const PassContext& context, ValueId from, ValueId to) {
  return !graph.IsOutput(from) || (context.producer(to) >= 0 && !graph.IsOutput(to));
}

// Transpose(Transpose(x, a), b) = Transpose(x, a o b).
std::optional<Patch> JoinTransposes(const Graph& graph, const PassContext& context, int index) {
  const Node& second = graph.node(index);
  if (!second.domain.empty() || second.op != "Transpose" || !second.has_input(0)) return {};
  const int producer = context.producer(second.inputs[0]);
  if (producer < 0) return {};
  const Node& first = graph.node(producer);
  if (!first.domain.empty() || first.op != "Transpose") return {};
  const std::vector<int64_t> a = first.Ints("perm"), b = second.Ints("perm");
  if (a.empty() || a.size() != b.size()) return {};
  std::vector<int64_t> joined;
  for (int64_t axis : b) {
    if (axis < 0 || axis >= static_cast<int64_t>(a.size())) return {};
    joined.push_back(a[axis]);
  }
  Patch patch(graph);
  Node node = second;
  node.inputs[0] = first.inputs[0];
  node.attributes["perm"] = joined;
  patch.ReplaceNode(index, std::move(node));
  return patch;
}

Result<std::optional<Patch>> Next(const Graph& graph, PassContext& context) {
  for (size_t i = 0; i < graph.nodes().size(); ++i) {
    const int index = static_cast<int>(i);
    const Node& node = graph.node(index);
    if (IsIdentity(graph, context, node) &&
        CanStandFor(graph, context, node.outputs[0], node.inputs[0])) {
      Patch patch(graph);
      patch.ReplaceUses(node.outputs[0], node.inputs[0]);
      patch.RemoveNode(index);
      return std::optional<Patch>(std::move(patch));
    }
    if (auto patch = JoinTransposes(graph, context, index)) return patch;
  }
  return std::optional<Patch>();
}

}  // namespace

extern const Pass kRemoveIdentityPass;
constinit const Pass kRemoveIdentityPass = {
    "remove_identity", "drops nodes that hand their input on unchanged", &Next};

}  // namespace deftnn
