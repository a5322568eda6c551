// gather_one_hot: a matrix of one-hot rows times a constant matrix picks the matrix's rows, so the
// MatMul becomes a Gather. What points nowhere has a row of zeros.
#include <cmath>
#include <vector>

#include "deftnn/passes/pass.h"

namespace deftnn {
namespace {

// Row i of the one-hot matrix has its one at index[i], if that is within [0, depth), or within
// [-depth, depth) where a negative index counts from the end.
struct OneHotRows {
  ValueId index = kNoValue;
  bool last_axis_is_one = false;  // of `index`, which has one axis more than rows are counted by
  bool counts_from_the_end = false;
  int64_t depth = 0;
};

bool IsInteger(ElementType type) {
  return type == ElementType::kInt32 || type == ElementType::kInt64;
}

// Equal(index, [0, 1, ..., depth - 1]), the range along the last axis.
std::optional<OneHotRows> ReadEqual(const Graph& graph, PassContext& context, const Node& node) {
  const bool range_first = graph.Constant(node.inputs[0]) != nullptr;
  const ValueId index = node.inputs[range_first ? 1 : 0];
  const Tensor* range = graph.Constant(node.inputs[range_first ? 0 : 1]);
  const std::vector<ValueInfo>* shapes = context.shapes();
  if (range == nullptr || shapes == nullptr || !IsInteger(range->type())) return {};
  const Shape& shape = (*shapes)[index].shape;
  const bool along_last = !shape.empty() && shape.back() == 1 && range->rank() >= 1 &&
                          range->rank() <= static_cast<int>(shape.size()) &&
                          range->dim(-1) == range->size();
  if (!along_last) return {};
  const auto values = ToInt64Vector(*range);
  if (!values.ok()) return {};
  for (int64_t i = 0; i < range->size(); ++i) {
    if ((*values)[i] != i) return {};
  }
  return OneHotRows{index, true, false, range->size()};
}

// ONNX's own operator, where it makes zeros and ones along a new last axis.
std::optional<OneHotRows> ReadOneHot(const Graph& graph, PassContext& context, const Node& node) {
  const Tensor* values = graph.Constant(node.inputs[2]);
  const std::vector<ValueInfo>* shapes = context.shapes();
  if (values == nullptr || shapes == nullptr) return {};
  const auto off_on = ToFloat32(*values);
  if (!off_on.ok() || off_on->size() != 2) return {};
  if (off_on->values<float>()[0] != 0 || off_on->values<float>()[1] != 1) return {};
  const ValueInfo& index = (*shapes)[node.inputs[0]];
  const int64_t axis = node.Int("axis", -1);
  const bool last = axis == -1 || axis == static_cast<int64_t>(index.shape.size());
  const Tensor* depth = graph.Constant(node.inputs[1]);
  const auto rows = depth != nullptr ? ToInt64Vector(*depth) : Error("unknown");
  if (!last || !IsInteger(index.type) || !rows.ok() || rows->size() != 1) return {};
  return OneHotRows{node.inputs[0], false, true, (*rows)[0]};
}

std::optional<OneHotRows> ReadOneHotRows(const Graph& graph, PassContext& context, ValueId id) {
  for (int index = context.producer(id); index >= 0;) {
    const Node& node = graph.node(index);
    if (!node.domain.empty()) return {};
    if (node.op == "Equal") return ReadEqual(graph, context, node);
    if (node.op == "OneHot") return ReadOneHot(graph, context, node);
    if (node.op != "Cast") return {};  // zeros and ones stay what they are
    index = context.producer(node.inputs[0]);
  }
  return {};
}

// The matrix's rows, zeros, and, where an index may count from the end, the rows once more: then
// Gather, which takes index -1 as the last row, finds all of them between -depth - 1 and depth,
// and zeros at both ends.
Tensor Table(const Tensor& matrix, bool counts_from_the_end) {
  const int64_t depth = matrix.dim(0);
  Tensor table = Tensor::Zeros(ElementType::kFloat32,
                               {counts_from_the_end ? 2 * depth + 1 : depth + 1, matrix.dim(1)});
  const auto from = matrix.values<float>();
  const auto to = table.mutable_values<float>();
  std::copy(from.begin(), from.end(), to.begin());
  if (counts_from_the_end) std::copy(from.begin(), from.end(), to.end() - matrix.size());
  return table;
}

bool IsFinite(const Tensor& matrix) {  // zero times infinity is no zero
  for (const float value : matrix.values<float>()) {
    if (!std::isfinite(value)) return false;
  }
  return true;
}

Patch GatherRows(const Graph& graph, int matmul, const OneHotRows& rows, const Tensor& matrix,
                 const ValueInfo& index) {
  const Node& node = graph.node(matmul);
  Patch patch(graph);
  const auto add = [&](const char* op, std::vector<ValueId> inputs) {
    const std::string name = node.name + "." + op;
    const ValueId id = patch.AddValue(name);
    patch.AddNode({name, "", op, std::move(inputs), {id}, {}});
    return id;
  };
  const auto limit = [&](int64_t value) {
    Tensor tensor = index.type == ElementType::kInt32
                        ? Tensor::Scalar<int32_t>(static_cast<int32_t>(value))
                        : Tensor::Scalar<int64_t>(value);
    return patch.AddConstant(node.name + ".limit", std::move(tensor));
  };
  ValueId id = rows.index;
  if (rows.last_axis_is_one) {
    const std::vector<int64_t> last = {static_cast<int64_t>(index.shape.size()) - 1};
    const ValueId axis = patch.AddConstant(node.name + ".axis", Tensor::Of<int64_t>({1}, last));
    id = add("Squeeze", {id, axis});
  }
  const int64_t lowest = rows.counts_from_the_end ? -rows.depth - 1 : -1;
  id = add("Clip", {id, limit(lowest), limit(rows.depth)});
  const ValueId table =
      patch.AddConstant(node.name + ".rows", Table(matrix, rows.counts_from_the_end));
  patch.ReplaceNode(matmul, {node.name, "", "Gather", {table, id}, node.outputs, {}});
  return patch;
}

Result<std::optional<Patch>> Next(const Graph& graph, PassContext& context) {
  for (size_t i = 0; i < graph.nodes().size(); ++i) {
    const Node& node = graph.node(static_cast<int>(i));
    if (!node.domain.empty() || node.op != "MatMul") continue;
    const Tensor* matrix = graph.Constant(node.inputs[1]);
    if (matrix == nullptr || matrix->type() != ElementType::kFloat32 || matrix->rank() != 2) {
      continue;
    }
    const auto rows = ReadOneHotRows(graph, context, node.inputs[0]);
    if (!rows || rows->depth != matrix->dim(0) || rows->depth >= (int64_t{1} << 30)) continue;
    if (!IsFinite(*matrix)) continue;
    return std::optional<Patch>(
        GatherRows(graph, static_cast<int>(i), *rows, *matrix, (*context.shapes())[rows->index]));
  }
  return std::optional<Patch>();
}

}  // namespace

extern const Pass kGatherOneHotPass;
constinit const Pass kGatherOneHotPass = {
    "gather_one_hot", "turns one-hot rows times a constant matrix into a Gather", &Next};

}  // namespace deftnn
