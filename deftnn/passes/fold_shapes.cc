// fold_shapes: shape arithmetic (Shape, Gather, Concat, ... in front of a Reshape) is written down
// as constants. Contents that are the same for every batch become constants; the target shape of a
// Reshape that differs in one entry, with the batch, gets -1 there; and a Reshape that makes one
// row for each image becomes a Flatten, through which channels can be followed and cut.
#include <algorithm>

#include "deftnn/passes/pass.h"

namespace deftnn {
namespace {

// Two batches that are unlikely to be a dimension by chance.
constexpr int64_t kBatches[2] = {3, 5};

struct Known {
  std::vector<ValueInfo> values[2];
};

bool IsBatchOpen(const Graph& graph) {
  for (ValueId id : graph.inputs()) {
    const auto& shape = graph.value(id).shape;
    if (shape && !shape->empty() && (*shape)[0] == kDynamic) return true;
  }
  return false;
}

// The constant that stands for `id` whatever the batch; undefined when there is none.
Tensor SameForEveryBatch(const Known& known, ValueId id) {
  const Tensor &a = known.values[0][id].constant, &b = known.values[1][id].constant;
  return a.defined() && b.defined() && Identical(a, b) ? a : Tensor();
}

// The target of a Reshape with -1 where the batch shows; undefined when it shows twice, or when
// there is a -1 already.
Tensor OpenTarget(const Known& known, ValueId id) {
  const Tensor &a = known.values[0][id].constant, &b = known.values[1][id].constant;
  if (!a.defined() || !b.defined() || a.type() != ElementType::kInt64 || a.shape() != b.shape()) {
    return {};
  }
  std::vector<int64_t> target(a.values<int64_t>().begin(), a.values<int64_t>().end());
  int open = 0;
  for (size_t i = 0; i < target.size(); ++i) {
    if (target[i] == 0) return {};  // would copy an input dimension, or be a true zero
    if (target[i] == b.values<int64_t>()[i] && target[i] != -1) continue;
    target[i] = -1;
    ++open;
  }
  return open == 1 ? Tensor::Of<int64_t>({a.size()}, target) : Tensor();
}

// Whether a Reshape hands each image on as one row, whatever the batch.
bool IsFlatten(const Known& known, const Node& node) {
  for (const std::vector<ValueInfo>& values : known.values) {
    const Shape &in = values[node.inputs[0]].shape, &out = values[node.outputs[0]].shape;
    if (in.empty() || out.size() != 2 || in[0] != out[0] || ElementCount(in) == 0) return false;
  }
  return true;
}

bool IsReshape(const Node& node) { return node.domain.empty() && node.op == "Reshape"; }

std::optional<Patch> FoldNode(const Graph& graph, const PassContext& context, const Known& known,
                              int index) {
  const Node& node = graph.node(index);
  Patch patch(graph);
  if (IsReshape(node) && IsFlatten(known, node)) {
    Node flatten{node.name, "", "Flatten", {node.inputs[0]}, node.outputs, {}};
    flatten.attributes["axis"] = int64_t{1};
    patch.ReplaceNode(index, std::move(flatten));
    return patch;
  }
  for (size_t i = 0; i < node.inputs.size(); ++i) {
    const ValueId id = node.inputs[i];
    if (id == kNoValue || context.producer(id) < 0) continue;
    Tensor constant = SameForEveryBatch(known, id);
    const bool target = i == 1 && IsReshape(node) && node.Int("allowzero", 0) == 0;
    if (!constant.defined() && target && IsBatchOpen(graph)) constant = OpenTarget(known, id);
    if (!constant.defined()) continue;
    Node changed = node;
    changed.inputs[i] = patch.AddConstant(graph.value(id).name + ".folded", std::move(constant));
    patch.ReplaceNode(index, std::move(changed));
    return patch;
  }
  return {};
}

Result<std::optional<Patch>> Next(const Graph& graph, PassContext& context) {
  // Inference is not free: only where there is something to find.
  const bool any = std::any_of(graph.nodes().begin(), graph.nodes().end(), [](const Node& node) {
    return node.domain.empty() && (node.op == "Shape" || node.op == "Reshape");
  });
  if (!any || !OnlyBatchIsOpen(graph)) return std::optional<Patch>();
  Known known;
  for (int i = 0; i < 2; ++i) {
    auto values = InferShapes(graph, DefaultInputs(graph, kBatches[i]));
    if (!values.ok()) return std::optional<Patch>();
    known.values[i] = std::move(*values);
  }
  for (size_t i = 0; i < graph.nodes().size(); ++i) {
    if (auto patch = FoldNode(graph, context, known, static_cast<int>(i))) return patch;
  }
  return std::optional<Patch>();
}

}  // namespace

extern const Pass kFoldShapesPass;
constinit const Pass kFoldShapesPass = {
    "fold_shapes", "writes shape arithmetic down as constants that hold for every batch", &Next};

}  // namespace deftnn
