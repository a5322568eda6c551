#include "deftnn/graph/segment.h"

#include "deftnn/base/check.h"

namespace deftnn {
namespace {

// By value: is it in that list of one of the nodes [first, last)?
std::vector<bool> Marked(const Graph& graph, int first, int last,
                         std::vector<ValueId> Node::*list) {
  std::vector<bool> marked(graph.values().size());
  for (int i = first; i < last; ++i) {
    for (ValueId id : graph.node(i).*list)
      if (id != kNoValue) marked[id] = true;
  }
  return marked;
}

// Copies values of one graph into another, each once.
class Copier {
 public:
  Copier(const Graph& from, Graph& to)
      : from_(from), to_(to), copies_(from.values().size(), kNoValue) {}

  ValueId Copy(ValueId id) {
    if (id == kNoValue) return id;
    if (copies_[id] != kNoValue) return copies_[id];
    const Value& value = from_.value(id);
    copies_[id] = value.is_constant() ? to_.AddConstant(value.name, value.constant)
                                      : to_.AddValue(value.name, value.type, value.shape);
    return copies_[id];
  }

 private:
  const Graph& from_;
  Graph& to_;
  std::vector<ValueId> copies_;
};

}  // namespace

std::vector<ValueId> LiveBefore(const Graph& graph, int index) {
  const int nodes = static_cast<int>(graph.nodes().size());
  DEFTNN_CHECK(index >= 0 && index <= nodes);
  std::vector<bool> made = Marked(graph, 0, index, &Node::outputs);
  for (ValueId id : graph.inputs()) made[id] = true;
  std::vector<bool> needed = Marked(graph, index, nodes, &Node::inputs);
  for (ValueId id : graph.outputs()) needed[id] = true;
  std::vector<ValueId> live;
  for (size_t id = 0; id < made.size(); ++id) {
    if (made[id] && needed[id]) live.push_back(static_cast<ValueId>(id));
  }
  return live;
}

Graph Segment(const Graph& graph, int first, int last) {
  DEFTNN_CHECK(first <= last);
  const std::vector<bool> read = Marked(graph, first, last, &Node::inputs),
                          made = Marked(graph, first, last, &Node::outputs);
  Graph segment;
  segment.name = graph.name;
  Copier copier(graph, segment);
  for (ValueId id : LiveBefore(graph, first)) {
    if (read[id]) segment.AddInput(copier.Copy(id));
  }
  for (int i = first; i < last; ++i) {
    Node node = graph.node(i);
    for (ValueId& id : node.inputs) id = copier.Copy(id);
    for (ValueId& id : node.outputs) id = copier.Copy(id);
    segment.AddNode(std::move(node));
  }
  for (ValueId id : LiveBefore(graph, last)) {
    if (made[id]) segment.AddOutput(copier.Copy(id));
  }
  return segment;
}

}  // namespace deftnn
