// An edit of a graph that a pass proposes and the driver applies.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "deftnn/graph/graph.h"

namespace deftnn {

/// Made against one graph and applied to that graph only. Value ids that it hands out become valid
/// with Apply; node indices are those of the graph before it.
class Patch {
 public:
  explicit Patch(const Graph& graph) : next_value_(static_cast<ValueId>(graph.values().size())) {}

  ValueId AddValue(std::string name, ElementType type = ElementType::kUndefined,
                   std::optional<Shape> shape = std::nullopt);
  ValueId AddConstant(std::string name, Tensor tensor);
  void AddNode(Node node) { added_nodes_.push_back(std::move(node)); }
  void RemoveNode(int index) { removed_nodes_.push_back(index); }
  /// Removes the node and puts another in its place (the name is kept when the new one has none).
  void ReplaceNode(int index, Node node);
  void ReplaceConstant(ValueId id, Tensor tensor) {
    constants_.emplace_back(id, std::move(tensor));
  }
  /// The declared shape of a value that the patch makes smaller.
  void ReplaceShape(ValueId id, Shape shape) { shapes_.emplace_back(id, std::move(shape)); }
  /// Every reader of `from`, graph outputs included, reads `to` instead.
  void ReplaceUses(ValueId from, ValueId to) { uses_.emplace_back(from, to); }

  bool empty() const;

  /// The patched graph: nodes sorted, values that nobody uses dropped (so ids change), a graph
  /// output that was replaced keeps its name.
  Result<Graph> Apply(Graph graph) const;

 private:
  ValueId next_value_;
  std::vector<Value> added_values_;
  std::vector<Node> added_nodes_;
  std::vector<int> removed_nodes_;
  std::vector<std::pair<int, Node>> replaced_nodes_;
  std::vector<std::pair<ValueId, Tensor>> constants_;
  std::vector<std::pair<ValueId, Shape>> shapes_;
  std::vector<std::pair<ValueId, ValueId>> uses_;
};

}  // namespace deftnn
