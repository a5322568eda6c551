#include "deftnn/passes/pass.h"

namespace deftnn {

PassContext::PassContext(const Graph& graph)
    : graph_(graph),
      producers_(graph.values().size(), -1),
      readers_(graph.values().size(), -1),
      uses_(graph.values().size(), 0) {
  for (size_t i = 0; i < graph.nodes().size(); ++i) {
    for (ValueId id : graph.node(static_cast<int>(i)).outputs) {
      if (id != kNoValue) producers_[id] = static_cast<int>(i);
    }
    for (ValueId id : graph.node(static_cast<int>(i)).inputs) {
      if (id == kNoValue) continue;
      ++uses_[id];
      readers_[id] = static_cast<int>(i);
    }
  }
  for (ValueId id : graph.outputs()) ++uses_[id];
}

const std::vector<ValueInfo>* PassContext::shapes() {
  if (!inferred_) {
    inferred_ = true;
    if (OnlyBatchIsOpen(graph_)) {
      auto inferred = InferShapes(graph_, DefaultInputs(graph_, 3));
      if (!inferred.ok()) inferred = InferShapes(graph_, DefaultInputs(graph_, 1));
      if (inferred.ok()) shapes_ = std::move(*inferred);
    }
  }
  return shapes_ ? &*shapes_ : nullptr;
}

bool PassContext::AtEveryBatch(const std::function<bool(const std::vector<ValueInfo>&)>& holds) {
  const std::vector<ValueInfo>* one = shapes();
  if (one == nullptr || !holds(*one)) return false;
  if (!inferred_other_) {
    inferred_other_ = true;
    auto other = InferShapes(graph_, DefaultInputs(graph_, 5));
    if (other.ok()) other_batch_ = std::move(*other);
  }
  return other_batch_ && holds(*other_batch_);
}

bool PassContext::SameShape(ValueId a, ValueId b) {
  return AtEveryBatch(
      [=](const std::vector<ValueInfo>& values) { return values[a].shape == values[b].shape; });
}

bool OnlyBatchIsOpen(const Graph& graph) {
  for (ValueId id : graph.inputs()) {
    const Value& value = graph.value(id);
    if (!value.shape || value.type == ElementType::kUndefined) return false;
    for (size_t i = 1; i < value.shape->size(); ++i) {
      if ((*value.shape)[i] == kDynamic) return false;
    }
  }
  return true;
}

}  // namespace deftnn
