// fold_table: an element-wise function of rows that a Gather picks from a constant table picks the
// same rows from the function of the table. Its other operands are constants, or rows that another
// Gather picks by the same indices.
#include <algorithm>

#include "deftnn/ops/elementwise.h"
#include "deftnn/passes/pass.h"

namespace deftnn {
namespace {

constexpr int64_t kLargestTableBytes = int64_t{64} << 20;

// The table behind `id` where a Gather picks rows of a constant; null otherwise.
const Node* GatherOfRows(const Graph& graph, const PassContext& context, ValueId id) {
  const int index = context.producer(id);
  if (index < 0) return nullptr;
  const Node& node = graph.node(index);
  const bool rows = node.domain.empty() && node.op == "Gather" && node.Int("axis", 0) == 0;
  return rows && graph.Constant(node.inputs[0]) != nullptr ? &node : nullptr;
}

// A constant operand as the operand of one row: without the axes that belong to the indices.
// Undefined where it varies along one of them, or adds an axis to the result.
Tensor OfOneRow(const Tensor& constant, int result_rank, int row_rank) {
  if (constant.rank() > result_rank) return {};
  const int dropped = std::max(0, constant.rank() - row_rank);
  const Shape& shape = constant.shape();
  if (std::any_of(shape.begin(), shape.begin() + dropped, [](int64_t n) { return n != 1; })) {
    return {};
  }
  return constant.Reshaped({shape.begin() + dropped, shape.end()});
}

// f(table), or nothing where the node is no function of single rows.
std::optional<Patch> FoldInto(const Graph& graph, PassContext& context, int index) {
  const Node& node = graph.node(index);
  const Node* gather = nullptr;
  for (const ValueId id : node.inputs) {
    const Node* found = GatherOfRows(graph, context, id);
    if (found != nullptr) gather = found;
  }
  const std::vector<ValueInfo>* shapes = gather != nullptr ? context.shapes() : nullptr;
  if (shapes == nullptr) return {};
  const Tensor& table = *graph.Constant(gather->inputs[0]);
  if (static_cast<int64_t>(table.bytes()) > kLargestTableBytes) return {};
  const int result_rank = static_cast<int>((*shapes)[gather->outputs[0]].shape.size());
  std::vector<Tensor> operands(node.inputs.size());
  std::vector<const Tensor*> pointers(node.inputs.size(), nullptr);
  for (size_t i = 0; i < node.inputs.size(); ++i) {
    if (!node.has_input(i)) continue;
    const Node* other = GatherOfRows(graph, context, node.inputs[i]);
    if (const Tensor* constant = graph.Constant(node.inputs[i])) {
      operands[i] = OfOneRow(*constant, result_rank, table.rank() - 1);
    } else if (other != nullptr && other->inputs[1] == gather->inputs[1]) {
      const Tensor& rows = *graph.Constant(other->inputs[0]);
      if (rows.rank() == table.rank() && rows.dim(0) == table.dim(0)) operands[i] = rows;
    }
    if (!operands[i].defined()) return {};
    pointers[i] = &operands[i];
  }
  const auto folded = EvaluateNode(node, pointers);
  if (!folded.ok() || (*folded)[0].rank() != table.rank() || (*folded)[0].dim(0) != table.dim(0) ||
      static_cast<int64_t>((*folded)[0].bytes()) > kLargestTableBytes) {
    return {};
  }
  Patch patch(graph);
  const ValueId rows = patch.AddConstant(node.name + ".rows", (*folded)[0]);
  patch.ReplaceNode(index, {node.name, "", "Gather", {rows, gather->inputs[1]}, node.outputs, {}});
  return patch;
}

Result<std::optional<Patch>> Next(const Graph& graph, PassContext& context) {
  for (size_t i = 0; i < graph.nodes().size(); ++i) {
    const int index = static_cast<int>(i);
    if (!IsElementwise(graph.node(index))) continue;
    if (auto patch = FoldInto(graph, context, index)) return patch;
  }
  return std::optional<Patch>();
}

}  // namespace

extern const Pass kFoldTablePass;
constinit const Pass kFoldTablePass = {
    "fold_table", "computes what follows a Gather of constant rows in the rows themselves", &Next};

}  // namespace deftnn
