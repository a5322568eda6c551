// fold_constants: a node whose inputs are all constants becomes its outputs.
#include <algorithm>
#include <array>

#include "deftnn/passes/pass.h"

namespace deftnn {
namespace {

// Larger results are cheaper to make than to keep: Expand of a scalar, say.
constexpr int64_t kLargestFoldedBytes = int64_t{64} << 20;

constexpr std::array<std::string_view, 6> kRandomOps = {"RandomNormal",     "RandomUniform",
                                                        "RandomNormalLike", "RandomUniformLike",
                                                        "Multinomial",      "Bernoulli"};

bool IsFoldable(const Graph& graph, const Node& node) {
  if (FindOp(node.domain, node.op) == nullptr || node.inputs.empty()) return false;
  if (std::find(kRandomOps.begin(), kRandomOps.end(), node.op) != kRandomOps.end()) return false;
  return std::all_of(node.inputs.begin(), node.inputs.end(),
                     [&](ValueId id) { return id == kNoValue || graph.Constant(id) != nullptr; });
}

// What the node makes, or nothing where that would be too large.
Result<std::vector<Tensor>> Compute(const Graph& graph, const Node& node) {
  std::vector<ValueInfo> infos(node.inputs.size());
  std::vector<const ValueInfo*> info_pointers(node.inputs.size(), nullptr);
  std::vector<const Tensor*> tensors(node.inputs.size(), nullptr);
  int64_t input_bytes = 0;
  for (size_t i = 0; i < node.inputs.size(); ++i) {
    tensors[i] = graph.Constant(node.inputs[i]);
    if (tensors[i] == nullptr) continue;
    infos[i] = {tensors[i]->type(), tensors[i]->shape(), *tensors[i]};
    info_pointers[i] = &infos[i];
    input_bytes += static_cast<int64_t>(tensors[i]->bytes());
  }
  DEFTNN_ASSIGN_OR_RETURN(const std::vector<ValueInfo> outputs, InferNode(node, info_pointers));
  for (const ValueInfo& output : outputs) {
    if (!output.known()) continue;
    const int64_t bytes = ElementCount(output.shape) * BitsOf(output.type) / 8;
    // A large weight behind a Cast or a Transpose is folded all the same.
    if (bytes > std::max(kLargestFoldedBytes, 4 * input_bytes)) return std::vector<Tensor>{};
  }
  return EvaluateNode(node, tensors);
}

Result<std::optional<Patch>> Next(const Graph& graph, PassContext&) {
  for (size_t i = 0; i < graph.nodes().size(); ++i) {
    const Node& node = graph.node(static_cast<int>(i));
    if (!IsFoldable(graph, node)) continue;
    // A node that cannot be computed is left for shape inference to refuse, with its reason.
    const auto outputs = Compute(graph, node);
    if (!outputs.ok() || outputs->empty()) continue;
    Patch patch(graph);
    bool whole = true;
    for (size_t o = 0; o < node.outputs.size(); ++o) {
      if (node.outputs[o] == kNoValue) continue;
      whole = whole && (*outputs)[o].defined();
      if (whole) patch.ReplaceConstant(node.outputs[o], (*outputs)[o]);
    }
    if (!whole) continue;
    patch.RemoveNode(static_cast<int>(i));
    return std::optional<Patch>(std::move(patch));
  }
  return std::optional<Patch>();
}

}  // namespace

extern const Pass kFoldConstantsPass;
constinit const Pass kFoldConstantsPass = {"fold_constants",
                                           "computes what depends on constants alone", &Next};

}  // namespace deftnn
