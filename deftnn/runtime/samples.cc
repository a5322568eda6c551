#include "deftnn/runtime/samples.h"

#include <algorithm>
#include <array>
#include <string_view>

#include "deftnn/ops/elementwise.h"
#include "deftnn/ops/synapse_product.h"

namespace deftnn {
namespace {

template <size_t kCount>
bool IsOneOf(const std::array<std::string_view, kCount>& names, const Node& node) {
  return std::find(names.begin(), names.end(), node.op) != names.end();
}

constexpr std::array<std::string_view, 2> kPassOn = {"Identity", "Dropout"};
constexpr std::array<std::string_view, 5> kWindows = {"MaxPool", "AveragePool", "GlobalMaxPool",
                                                      "GlobalAveragePool", "LRN"};
constexpr std::array<std::string_view, 4> kReshapes = {"Reshape", "Flatten", "Squeeze",
                                                       "Unsqueeze"};
constexpr std::array<std::string_view, 3> kReductions = {"ReduceMax", "ReduceMean", "ReduceSum"};

class Finder {
 public:
  Finder(const Graph& graph, const std::vector<ValueInfo>& infos, int64_t batch)
      : graph_(graph), infos_(infos), batch_(batch), samples_(graph.values().size(), false) {}

  std::vector<bool> Find() {
    for (ValueId id : graph_.inputs()) samples_[id] = Divides(id);
    for (const Node& node : graph_.nodes()) {
      const bool apart = ReadsSamples(node) && KeepsApart(node);
      for (ValueId id : node.outputs) {
        if (id != kNoValue) samples_[id] = apart && !constant(id);
      }
    }
    return std::move(samples_);
  }

 private:
  const Shape& shape(ValueId id) const { return infos_[id].shape; }
  bool constant(ValueId id) const { return infos_[id].constant.defined(); }

  // Whole bytes a sample; a vector has no axis beside that of its samples to be a matrix by.
  bool Divides(ValueId id) const {
    if (constant(id) || shape(id).size() < 2 || shape(id)[0] % batch_ != 0) return false;
    return ElementCount(shape(id)) / batch_ * BitsOf(infos_[id].type) % 8 == 0;
  }

  // Every activation that it reads is a stack of samples, and so could be all that it writes.
  bool ReadsSamples(const Node& node) const {
    bool any = false;
    for (ValueId id : node.inputs) {
      if (id == kNoValue || constant(id)) continue;
      if (!samples_[id]) return false;
      any = true;
    }
    return any && std::all_of(node.outputs.begin(), node.outputs.end(),
                              [&](ValueId id) { return id == kNoValue || Divides(id); });
  }

  bool KeepsApart(const Node& node) const {
    if (IsSynapseProduct(node)) return OnlyActivations(node, {0, SynapseProduct::kResidual});
    if (node.domain == kDeftnnDomain && node.op == "DepthwiseConv") {
      return OnlyActivations(node, {0});
    }
    if (!node.domain.empty()) return false;
    const bool one_output = node.outputs.size() == 1;  // no mask, no indices into the whole
    if (IsElementwise(node) || IsOneOf(kPassOn, node)) return one_output && KeepsAxis(node);
    if (IsOneOf(kWindows, node)) return one_output && shape(node.inputs[0]).size() > 2;
    if (IsOneOf(kReshapes, node)) return OnlyActivations(node, {0});
    if (IsOneOf(kReductions, node)) return OtherAxes(node, 1);
    if (node.op == "Conv") return OnlyActivations(node, {0});
    if (node.op == "BatchNormalization") return one_output && OnlyActivations(node, {0});
    if (node.op == "MatMul") return Matmul(node);
    if (node.op == "Transpose") {
      const std::vector<int64_t> order = node.Ints("perm");
      return !order.empty() && order[0] == 0;
    }
    if (node.op == "Softmax" || node.op == "LogSoftmax") {
      return OtherAxis(node, -1) && (!node.has("flatten_axis") || node.Int("flatten_axis", 0) > 0);
    }
    if (node.op == "ArgMax" || node.op == "Split") return OtherAxis(node, 0);
    if (node.op ==
        "Gather") {  // within each sample, or rows of a table, whose places lie along axis 0
      return constant(node.inputs[0]) ? !OtherAxis(node, 0)
                                      : OnlyActivations(node, {0}) && OtherAxis(node, 0);
    }
    if (node.op == "Concat") {
      return OtherAxis(node, 0) && std::none_of(node.inputs.begin(), node.inputs.end(),
                                                [&](ValueId id) { return constant(id); });
    }
    if (node.op == "Slice") return OnlyActivations(node, {0}) && OtherAxes(node, 3);
    if (node.op == "Pad") return OnlyActivations(node, {0}) && PadsOtherAxes(node);
    return false;
  }

  // Inputs other than those of these indices are constants.
  bool OnlyActivations(const Node& node, const std::vector<size_t>& indices) const {
    for (size_t i = 0; i < node.inputs.size(); ++i) {
      const bool allowed = std::find(indices.begin(), indices.end(), i) != indices.end();
      if (node.has_input(i) && !constant(node.inputs[i]) && !allowed) return false;
    }
    return true;
  }

  // Broadcasting lays axis 0 of each activation on axis 0 of the output; constants are the same for
  // every sample.
  bool KeepsAxis(const Node& node) const {
    const Shape& y = shape(node.outputs[0]);
    return std::all_of(node.inputs.begin(), node.inputs.end(), [&](ValueId id) {
      if (id == kNoValue) return true;
      const Shape& x = shape(id);
      if (constant(id)) return x.size() < y.size() || x[0] == 1;
      return x.size() == y.size() && x[0] == y[0];
    });
  }

  bool OtherAxis(const Node& node, int64_t absent) const {
    const int64_t rank = static_cast<int64_t>(shape(node.inputs[0]).size());
    return (node.Int("axis", absent) + rank) % rank != 0;
  }

  // The axes that constant input `index` lists do not include axis 0.
  bool OtherAxes(const Node& node, size_t index) const {
    if (!node.has_input(index) || !constant(node.inputs[index])) return false;
    const int64_t rank = static_cast<int64_t>(shape(node.inputs[0]).size());
    const auto axes = ToInt64Vector(infos_[node.inputs[index]].constant);
    return axes.ok() && !axes->empty() &&
           std::none_of(axes->begin(), axes->end(),
                        [&](int64_t axis) { return (axis + rank) % rank == 0; });
  }

  bool PadsOtherAxes(const Node& node) const {
    if (node.has_input(3)) return OtherAxes(node, 3);
    const auto pads = ToInt64Vector(infos_[node.inputs[1]].constant);
    return pads.ok() && !pads->empty() && pads->front() == 0 && pads->at(pads->size() / 2) == 0;
  }

  // Matrices by one constant matrix, or stacks of equally many matrices.
  bool Matmul(const Node& node) const {
    const Shape &a = shape(node.inputs[0]), &b = shape(node.inputs[1]);
    if (constant(node.inputs[0])) return false;
    if (constant(node.inputs[1])) return b.size() == 2;
    return a.size() > 2 && a.size() == b.size() && a[0] == b[0];
  }

  const Graph& graph_;
  const std::vector<ValueInfo>& infos_;
  const int64_t batch_;
  std::vector<bool> samples_;
};

}  // namespace

int64_t BatchOf(const Graph& graph, const std::vector<ValueInfo>& infos) {
  if (graph.inputs().empty()) return 1;
  const Shape& shape = infos[graph.inputs()[0]].shape;
  return shape.empty() ? 1 : std::max<int64_t>(1, shape[0]);
}

std::vector<bool> FindSamples(const Graph& graph, const std::vector<ValueInfo>& infos,
                              int64_t batch) {
  return Finder(graph, infos, batch).Find();
}

}  // namespace deftnn
