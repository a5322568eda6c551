#include "deftnn/graph/segment.h"

#include "deftnn/base/check.h"

namespace deftnn {
namespace {

// By value: is it made by nodes [first, last)?
std::vector<bool> MadeBy(const Graph& graph, int first, int last) {
  std::vector<bool> made(graph.values().size());
  for (int i = first; i < last; ++i) {
    for (ValueId id : graph.node(i).outputs)
      if (id != kNoValue) made[id] = true;
  }
  return made;
}

// By value: do nodes [first, last) read it?
std::vector<bool> ReadBy(const Graph& graph, int first, int last) {
  std::vector<bool> read(graph.values().size());
  for (int i = first; i < last; ++i) {
    for (ValueId id : graph.node(i).inputs)
      if (id != kNoValue) read[id] = true;
  }
  return read;
}

// Copies values of one graph into another, each once.
class Copier {
 public:
  Copier(const Graph& from, Graph& to)
      : from_(from), to_(to), copies_(from.values().size(), kNoValue) {}

  ValueId Copy(ValueId id) {
    if (id == kNoValue || copies_[id] != kNoValue) return id == kNoValue ? id : copies_[id];
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
  std::vector<bool> made = MadeBy(graph, 0, index);
  for (ValueId id : graph.inputs()) made[id] = true;
  std::vector<bool> needed = ReadBy(graph, index, nodes);
  for (ValueId id : graph.outputs()) needed[id] = true;
  std::vector<ValueId> live;
  for (size_t id = 0; id < made.size(); ++id) {
    if (made[id] && needed[id]) live.push_back(static_cast<ValueId>(id));
  }
  return live;
}

Graph Segment(const Graph& graph, int first, int last) {
  DEFTNN_CHECK(first <= last);
  const std::vector<bool> read = ReadBy(graph, first, last), made = MadeBy(graph, first, last);
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
