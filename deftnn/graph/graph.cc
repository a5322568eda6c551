#include "deftnn/graph/graph.h"

#include <algorithm>
#include <queue>

namespace deftnn {
namespace {

template <typename T>
T AttributeOr(const Attributes& attributes, const std::string& name, T fallback) {
  const auto found = attributes.find(name);
  if (found == attributes.end()) return fallback;
  const T* value = std::get_if<T>(&found->second);
  return value != nullptr ? *value : fallback;
}

}  // namespace

std::string DeclaredShape(const Shape& shape) {
  std::string text;
  for (int64_t dim : shape) {
    if (!text.empty()) text += 'x';
    text += dim == kDynamic ? "?" : std::to_string(dim);
  }
  return shape.empty() ? "scalar" : text;
}

int64_t Node::Int(const std::string& attribute, int64_t fallback) const {
  return AttributeOr<int64_t>(attributes, attribute, fallback);
}
float Node::Float(const std::string& attribute, float fallback) const {
  return AttributeOr<float>(attributes, attribute, fallback);
}
std::string Node::String(const std::string& attribute, const std::string& fallback) const {
  return AttributeOr<std::string>(attributes, attribute, fallback);
}
std::vector<int64_t> Node::Ints(const std::string& attribute, std::vector<int64_t> fallback) const {
  return AttributeOr<std::vector<int64_t>>(attributes, attribute, std::move(fallback));
}

std::string Graph::UniqueValueName(std::string wanted) const {
  if (wanted.empty()) wanted = "value";
  if (value_names_.find(wanted) == value_names_.end()) return wanted;
  for (int suffix = 1;; ++suffix) {
    std::string candidate = fmt::format("{}_{}", wanted, suffix);
    if (value_names_.find(candidate) == value_names_.end()) return candidate;
  }
}

ValueId Graph::AddValue(std::string value_name, ElementType type, std::optional<Shape> shape) {
  value_name = UniqueValueName(std::move(value_name));
  const ValueId id = static_cast<ValueId>(values_.size());
  value_names_[value_name] = id;
  values_.push_back({std::move(value_name), type, std::move(shape), {}});
  return id;
}

ValueId Graph::AddConstant(std::string value_name, Tensor tensor) {
  const ValueId id = AddValue(std::move(value_name), tensor.type(), tensor.shape());
  values_[id].constant = std::move(tensor);
  return id;
}

int Graph::AddNode(Node node) {
  if (node.name.empty()) node.name = node.op;
  int& taken = node_names_[node.name];
  if (taken++ > 0) {
    std::string candidate;
    do {
      candidate = fmt::format("{}_{}", node.name, taken++);
    } while (node_names_.count(candidate) != 0);
    node_names_[candidate] = 1;
    node.name = std::move(candidate);
  }
  nodes_.push_back(std::move(node));
  return static_cast<int>(nodes_.size()) - 1;
}

ValueId Graph::Find(std::string_view value_name) const {
  const auto found = value_names_.find(value_name);
  return found == value_names_.end() ? kNoValue : found->second;
}

int Graph::FindNode(std::string_view node_name) const {
  for (size_t i = 0; i < nodes_.size(); ++i) {
    if (nodes_[i].name == node_name) return static_cast<int>(i);
  }
  return -1;
}

int Graph::Producer(ValueId id) const {
  for (size_t i = 0; i < nodes_.size(); ++i) {
    const auto& outputs = nodes_[i].outputs;
    if (std::find(outputs.begin(), outputs.end(), id) != outputs.end()) return static_cast<int>(i);
  }
  return -1;
}

std::vector<int> Graph::Consumers(ValueId id) const {
  std::vector<int> consumers;
  for (size_t i = 0; i < nodes_.size(); ++i) {
    const auto& inputs = nodes_[i].inputs;
    if (std::find(inputs.begin(), inputs.end(), id) != inputs.end()) {
      consumers.push_back(static_cast<int>(i));
    }
  }
  return consumers;
}

bool Graph::IsOutput(ValueId id) const {
  return std::find(outputs_.begin(), outputs_.end(), id) != outputs_.end();
}

Status Graph::SortNodes() {
  std::vector<int> producer(values_.size(), -1);
  for (size_t i = 0; i < nodes_.size(); ++i) {
    for (ValueId id : nodes_[i].outputs) {
      if (id != kNoValue) producer[id] = static_cast<int>(i);
    }
  }
  std::vector<std::vector<int>> followers(nodes_.size());
  std::vector<int> waiting(nodes_.size(), 0);
  for (size_t i = 0; i < nodes_.size(); ++i) {
    for (ValueId id : nodes_[i].inputs) {
      if (id == kNoValue || producer[id] < 0) continue;
      followers[producer[id]].push_back(static_cast<int>(i));
      ++waiting[i];
    }
  }
  std::priority_queue<int, std::vector<int>, std::greater<>> ready;
  for (size_t i = 0; i < nodes_.size(); ++i) {
    if (waiting[i] == 0) ready.push(static_cast<int>(i));
  }
  std::vector<Node> sorted;
  sorted.reserve(nodes_.size());
  std::vector<bool> done(nodes_.size(), false);
  while (!ready.empty()) {
    const int i = ready.top();
    ready.pop();
    done[i] = true;
    for (int follower : followers[i]) {
      if (--waiting[follower] == 0) ready.push(follower);
    }
    sorted.push_back(nodes_[i]);
  }
  if (sorted.size() != nodes_.size()) {
    const size_t stuck = std::find(done.begin(), done.end(), false) - done.begin();
    return Error("the graph has a cycle").WithNode(nodes_[stuck].name);
  }
  nodes_ = std::move(sorted);
  return {};
}

void Graph::DropUnusedValues() {
  std::vector<bool> used(values_.size(), false);
  const auto mark = [&](const std::vector<ValueId>& ids) {
    for (ValueId id : ids) {
      if (id != kNoValue) used[id] = true;
    }
  };
  mark(inputs_);
  mark(outputs_);
  for (const Node& node : nodes_) {
    mark(node.inputs);
    mark(node.outputs);
  }
  std::vector<ValueId> renamed(values_.size(), kNoValue);
  std::vector<Value> kept;
  value_names_.clear();
  for (size_t id = 0; id < values_.size(); ++id) {
    if (!used[id]) continue;
    renamed[id] = static_cast<ValueId>(kept.size());
    value_names_[values_[id].name] = renamed[id];
    kept.push_back(std::move(values_[id]));
  }
  values_ = std::move(kept);
  const auto rename = [&](std::vector<ValueId>& ids) {
    for (ValueId& id : ids) {
      if (id != kNoValue) id = renamed[id];
    }
  };
  rename(inputs_);
  rename(outputs_);
  for (Node& node : nodes_) {
    rename(node.inputs);
    rename(node.outputs);
  }
}

}  // namespace deftnn
