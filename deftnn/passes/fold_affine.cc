// fold_affine: Add, Sub, Mul and Div of a product's outputs with constants, one for each channel or
// one for all, go into its weights and bias.
#include <cmath>

#include "deftnn/passes/output_affine.h"

namespace deftnn {
namespace {

// The constant as one number for each output, or nothing when it varies along another axis or
// widens the output. `rank` is the output's, `axis` its channel axis.
std::optional<std::vector<double>> PerOutput(const Tensor& constant, int rank, int axis,
                                             int64_t outputs) {
  if (constant.type() != ElementType::kFloat32 || constant.rank() > rank) return {};
  int64_t count = 1;
  for (int i = 0; i < constant.rank(); ++i) {
    const bool channel = i + rank - constant.rank() == axis;
    const int64_t extent = constant.dim(i);
    if (extent != 1 && (!channel || extent != outputs)) return {};
    if (channel) count = extent;
  }
  std::vector<double> values;
  for (int64_t o = 0; o < outputs; ++o) {
    values.push_back(constant.values<float>()[count == 1 ? 0 : o]);
  }
  return values;
}

std::optional<OutputAffine> ReadAffine(const std::string& op, bool constant_first,
                                       const std::vector<double>& values) {
  OutputAffine affine;
  for (double c : values) {
    double scale = 1, shift = 0;
    if (op == "Add") {
      shift = c;
    } else if (op == "Sub") {
      scale = constant_first ? -1 : 1;
      shift = constant_first ? c : -c;
    } else if (op == "Mul") {
      scale = c;
    } else if (op == "Div" && !constant_first) {
      scale = 1 / c;
    } else {
      return {};
    }
    if (!std::isfinite(scale) || !std::isfinite(shift)) return {};
    affine.scale.push_back(scale);
    affine.shift.push_back(shift);
  }
  return affine;
}

Result<std::optional<Patch>> Next(const Graph& graph, PassContext& context) {
  for (size_t i = 0; i < graph.nodes().size(); ++i) {
    const Node& node = graph.node(static_cast<int>(i));
    if (!node.domain.empty() || node.inputs.size() != 2) continue;
    if (!node.has_input(0) || !node.has_input(1)) continue;
    const bool constant_first = graph.Constant(node.inputs[0]) != nullptr;
    const Tensor* constant = graph.Constant(node.inputs[constant_first ? 0 : 1]);
    if (constant == nullptr) continue;
    const ValueId x = node.inputs[constant_first ? 1 : 0];
    const int target = AffineTarget(graph, context, x);
    if (target < 0) continue;
    const Node& product = graph.node(target);
    const std::vector<ValueInfo>* shapes = context.shapes();
    if (shapes == nullptr) continue;
    const int rank = static_cast<int>((*shapes)[x].shape.size());
    const int axis = OutputAxis(product) < 0 ? rank - 1 : OutputAxis(product);
    const auto values = PerOutput(*constant, rank, axis, OutputsOf(graph, product));
    if (!values) continue;
    const auto affine = ReadAffine(node.op, constant_first, *values);
    if (!affine) continue;
    Patch patch(graph);
    FoldAffineInto(patch, graph, target, static_cast<int>(i), *affine);
    return std::optional<Patch>(std::move(patch));
  }
  return std::optional<Patch>();
}

}  // namespace

extern const Pass kFoldAffinePass;
constinit const Pass kFoldAffinePass = {
    "fold_affine", "folds per-channel constants into the product before them", &Next};

}  // namespace deftnn
