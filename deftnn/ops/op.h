// What an operator is: how older opsets are brought up to date, its shape inference, a plain
// implementation that serves as the oracle, and how channels flow through it.
#pragma once

#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "deftnn/base/status.h"
#include "deftnn/base/tensor.h"
#include "deftnn/graph/graph.h"
#include "deftnn/ops/channels.h"

namespace deftnn {

/// The newest form of ONNX that the rest of the code knows: Normalise brings every node to it.
inline constexpr int kOpset = 21;

/// Brings one imported node from the model's opset to kOpset, e.g. axes from attribute to input.
class NormaliseContext {
 public:
  NormaliseContext(Graph& graph, Node& node, int opset)
      : graph_(graph), node_(node), opset_(opset) {}
  Node& node() { return node_; }
  int opset() const { return opset_; }
  /// A constant input; `suffix` names it after the node.
  ValueId AddConstant(std::string_view suffix, Tensor tensor);
  /// The initializer behind input i, or null.
  const Tensor* constant(size_t i) const {
    return node_.has_input(i) ? graph_.Constant(node_.inputs[i]) : nullptr;
  }
  /// When the node has integer-list attribute `name` and no input `index`, moves it to that input.
  void MoveIntsToInput(const std::string& name, size_t index);

 private:
  Graph& graph_;
  Node& node_;
  int opset_;
};

/// The type and concrete shape of a value, and its contents where they are known before running.
struct ValueInfo {
  ElementType type = ElementType::kUndefined;
  Shape shape;
  Tensor constant;  // undefined when not known

  bool known() const { return type != ElementType::kUndefined; }
};

/// Concrete shapes in, concrete shapes out (a plan is made for one set of input shapes).
class InferContext {
 public:
  InferContext(const Node& node, std::vector<const ValueInfo*> inputs)
      : node_(node), inputs_(std::move(inputs)), outputs_(node.outputs.size()) {}

  const Node& node() const { return node_; }
  size_t num_inputs() const { return inputs_.size(); }
  size_t num_outputs() const { return outputs_.size(); }
  bool has_input(size_t i) const { return i < inputs_.size() && inputs_[i] != nullptr; }
  const Shape& shape(size_t i) const { return inputs_[i]->shape; }
  ElementType type(size_t i) const { return inputs_[i]->type; }
  /// The contents of input i when they are known (an initializer, or computed from shapes), else
  /// null.
  const Tensor* constant(size_t i) const {
    return has_input(i) && inputs_[i]->constant.defined() ? &inputs_[i]->constant : nullptr;
  }
  /// The integers of input i (absent input: `absent`); an error that says which when not constant.
  Result<std::vector<int64_t>> IntsInput(size_t i, std::string_view what,
                                         std::vector<int64_t> absent = {}) const;

  void SetOutput(size_t i, ElementType type, Shape shape) {
    if (i < outputs_.size()) outputs_[i] = {type, std::move(shape), {}};
  }
  const std::vector<ValueInfo>& outputs() const { return outputs_; }

 private:
  const Node& node_;
  std::vector<const ValueInfo*> inputs_;
  std::vector<ValueInfo> outputs_;
};

/// Inputs and already shaped, zeroed outputs, row-major. Plain, scalar, and right.
class EvaluateContext {
 public:
  EvaluateContext(const Node& node, std::vector<const Tensor*> inputs, std::vector<Tensor*> outputs)
      : node_(node), inputs_(std::move(inputs)), outputs_(std::move(outputs)) {}

  const Node& node() const { return node_; }
  size_t num_inputs() const { return inputs_.size(); }
  size_t num_outputs() const { return outputs_.size(); }
  bool has_input(size_t i) const { return i < inputs_.size() && inputs_[i] != nullptr; }
  const Tensor& input(size_t i) const { return *inputs_[i]; }
  bool has_output(size_t i) const { return i < outputs_.size() && outputs_[i] != nullptr; }
  Tensor& output(size_t i) { return *outputs_[i]; }

 private:
  const Node& node_;
  std::vector<const Tensor*> inputs_;
  std::vector<Tensor*> outputs_;
};

struct OpDef {
  std::string_view name;
  std::string_view domain = "";
  int first_opset = 7;  // the oldest form that Normalise understands
  int min_inputs = 1, max_inputs = 1;
  int min_outputs = 1, max_outputs = 1;
  /// Null when the node reads the same in every opset since first_opset.
  Status (*normalise)(NormaliseContext&) = nullptr;
  Status (*infer)(InferContext&) = nullptr;
  Status (*evaluate)(EvaluateContext&) = nullptr;
  /// Null: channels end here (all of its inputs' channels are needed, its outputs have none).
  void (*channels)(ChannelContext&) = nullptr;
};

/// Every operator, in the order of ops.inc.
std::span<const OpDef* const> AllOps();
/// Null when there is none.
const OpDef* FindOp(std::string_view domain, std::string_view name);

/// Shape inference of one node: arity, then the operator's rule. Errors carry the node's name. When
/// every input is known (and none is large), the outputs' contents are computed too.
Result<std::vector<ValueInfo>> InferNode(const Node& node,
                                         const std::vector<const ValueInfo*>& inputs);

/// Runs a node's plain implementation.
Result<std::vector<Tensor>> EvaluateNode(const Node& node,
                                         const std::vector<const Tensor*>& inputs);

/// The type, shape and known contents of every value, from the inputs' shapes. Indexed by ValueId.
Result<std::vector<ValueInfo>> InferShapes(const Graph& graph,
                                           const std::vector<ValueInfo>& inputs);

/// The declared input types and shapes with each dynamic dimension set to 1, the leading one to
/// `batch`.
std::vector<ValueInfo> DefaultInputs(const Graph& graph, int64_t batch = 1);

/// Runs the whole graph with plain implementations: the oracle of everything. Returns the outputs.
Result<std::vector<Tensor>> EvaluateGraph(const Graph& graph, const std::vector<Tensor>& inputs);

}  // namespace deftnn
