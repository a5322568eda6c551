#include "deftnn/graph/patch.h"

#include <algorithm>

namespace deftnn {

ValueId Patch::AddValue(std::string name, ElementType type, std::optional<Shape> shape) {
  added_values_.push_back({std::move(name), type, std::move(shape), {}});
  return next_value_++;
}

ValueId Patch::AddConstant(std::string name, Tensor tensor) {
  const ValueId id = AddValue(std::move(name), tensor.type(), tensor.shape());
  added_values_.back().constant = std::move(tensor);
  return id;
}

void Patch::ReplaceNode(int index, Node node) {
  replaced_nodes_.emplace_back(index, std::move(node));
}

bool Patch::empty() const {
  return added_nodes_.empty() && removed_nodes_.empty() && replaced_nodes_.empty() &&
         constants_.empty() && shapes_.empty() && uses_.empty();
}

Result<Graph> Patch::Apply(Graph graph) const {
  DEFTNN_CHECK(static_cast<size_t>(next_value_) == graph.values_.size() + added_values_.size());
  for (const Value& value : added_values_) {
    const ValueId id = graph.AddValue(value.name, value.type, value.shape);
    graph.values_[id].constant = value.constant;
  }
  for (const auto& [index, node] : replaced_nodes_) {
    std::string name = node.name.empty() ? graph.nodes_[index].name : node.name;
    graph.nodes_[index] = node;
    graph.nodes_[index].name = std::move(name);
  }
  for (const auto& [id, tensor] : constants_) {
    graph.values_[id].constant = tensor;
    graph.values_[id].type = tensor.type();
    graph.values_[id].shape = tensor.shape();
  }
  for (const auto& [id, shape] : shapes_) graph.values_[id].shape = shape;
  for (const auto& [from, to] : uses_) {
    for (Node& node : graph.nodes_) std::replace(node.inputs.begin(), node.inputs.end(), from, to);
    for (ValueId& output : graph.outputs_) {
      if (output != from) continue;
      output = to;
      std::swap(graph.values_[from].name, graph.values_[to].name);
    }
  }
  std::vector<int> removed = removed_nodes_;
  std::sort(removed.rbegin(), removed.rend());
  removed.erase(std::unique(removed.begin(), removed.end()), removed.end());
  for (int index : removed) graph.nodes_.erase(graph.nodes_.begin() + index);
  for (const Node& node : added_nodes_) graph.AddNode(node);
  DEFTNN_RETURN_IF_ERROR(graph.SortNodes());
  graph.DropUnusedValues();
  return graph;
}

}  // namespace deftnn
