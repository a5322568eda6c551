#include "deftnn/graph/verify.h"

#include <set>

namespace deftnn {

Status Verify(const Graph& graph) {
  const ValueId count = static_cast<ValueId>(graph.values().size());
  std::vector<bool> made(count, false);
  for (ValueId id = 0; id < count; ++id) made[id] = graph.value(id).is_constant();
  for (ValueId id : graph.inputs()) {
    if (id < 0 || id >= count) return Error("an input is no value of the graph");
    if (made[id]) return Error("input '{}' is made twice", graph.value(id).name);
    made[id] = true;
  }
  std::set<std::string> names;
  for (const Node& node : graph.nodes()) {
    if (!names.insert(node.name).second)
      return Error("two nodes have this name").WithNode(node.name);
    for (ValueId id : node.inputs) {
      if (id == kNoValue) continue;
      if (id < 0 || id >= count)
        return Error("an input is no value of the graph").WithNode(node.name);
      if (!made[id]) {
        return Error("reads '{}', which nothing before it makes", graph.value(id).name)
            .WithNode(node.name);
      }
    }
    for (ValueId id : node.outputs) {
      if (id == kNoValue) continue;
      if (id < 0 || id >= count)
        return Error("an output is no value of the graph").WithNode(node.name);
      if (made[id])
        return Error("makes '{}' a second time", graph.value(id).name).WithNode(node.name);
      made[id] = true;
    }
  }
  for (ValueId id : graph.outputs()) {
    if (id < 0 || id >= count || !made[id]) return Error("an output is made by no node");
  }
  return {};
}

}  // namespace deftnn
