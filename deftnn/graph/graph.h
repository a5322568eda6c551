// A network: values, and the nodes that make values out of values, in topological order.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "deftnn/base/status.h"
#include "deftnn/base/tensor.h"
#include "deftnn/graph/attribute.h"

namespace deftnn {

/// An index into Graph::values().
using ValueId = int32_t;
/// An optional input that is absent.
inline constexpr ValueId kNoValue = -1;

/// A dimension that is known only when the network runs (a batch size, say).
inline constexpr int64_t kDynamic = -1;

/// "?x3x224x224": a shape as declared, for messages.
std::string DeclaredShape(const Shape& shape);

struct Value {
  std::string name;  // unique in its graph
  ElementType type =
      ElementType::kUndefined;  // as declared; undefined where the model says nothing
  std::optional<Shape> shape;   // as declared; kDynamic for dimensions left open
  Tensor constant;              // defined for an initializer

  bool is_constant() const { return constant.defined(); }
};

struct Node {
  std::string name;    // unique in its graph; reports and errors use it
  std::string domain;  // "" is ai.onnx; ours is "deftnn"
  std::string op;
  std::vector<ValueId> inputs;  // kNoValue where an optional one is absent
  std::vector<ValueId> outputs;
  Attributes attributes;

  bool has_input(size_t i) const { return i < inputs.size() && inputs[i] != kNoValue; }
  bool has(const std::string& attribute) const { return attributes.count(attribute) != 0; }

  /// The attribute, or the fallback when it is absent or of another kind.
  int64_t Int(const std::string& attribute, int64_t fallback) const;
  float Float(const std::string& attribute, float fallback) const;
  std::string String(const std::string& attribute, const std::string& fallback) const;
  std::vector<int64_t> Ints(const std::string& attribute, std::vector<int64_t> fallback = {}) const;
};

inline constexpr std::string_view kDeftnnDomain = "deftnn";

class Graph {
 public:
  std::string name;

  const std::vector<Value>& values() const { return values_; }
  const std::vector<Node>& nodes() const { return nodes_; }
  const std::vector<ValueId>& inputs() const { return inputs_; }
  const std::vector<ValueId>& outputs() const { return outputs_; }
  const Value& value(ValueId id) const { return values_.at(id); }
  const Node& node(int index) const { return nodes_.at(index); }

  /// A new value; a name that is taken, or empty, is made unique with a suffix.
  ValueId AddValue(std::string value_name, ElementType type = ElementType::kUndefined,
                   std::optional<Shape> shape = std::nullopt);
  ValueId AddConstant(std::string value_name, Tensor tensor);
  /// Appends a node; its name is made unique (and made from its op when empty). Returns its index.
  int AddNode(Node node);
  void AddInput(ValueId id) { inputs_.push_back(id); }
  void AddOutput(ValueId id) { outputs_.push_back(id); }

  /// kNoValue when there is none of that name.
  ValueId Find(std::string_view value_name) const;
  /// The index of the node of that name, or -1.
  int FindNode(std::string_view node_name) const;
  /// The index of the node that makes `id`, or -1 (an input or a constant).
  int Producer(ValueId id) const;
  /// Indices of the nodes that read `id`, each once, rising.
  std::vector<int> Consumers(ValueId id) const;
  bool IsOutput(ValueId id) const;
  const Tensor* Constant(ValueId id) const {
    return id != kNoValue && values_[id].is_constant() ? &values_[id].constant : nullptr;
  }

  /// Stable topological order; an error that names a node on a cycle.
  Status SortNodes();

 private:
  friend class Patch;

  std::string UniqueValueName(std::string wanted) const;
  void DropUnusedValues();

  std::vector<Value> values_;
  std::vector<Node> nodes_;
  std::vector<ValueId> inputs_, outputs_;
  std::map<std::string, ValueId, std::less<>> value_names_;
  std::map<std::string, int, std::less<>> node_names_;  // name -> how often taken
};

}  // namespace deftnn
