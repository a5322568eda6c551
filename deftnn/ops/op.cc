#include "deftnn/ops/op.h"

#include <algorithm>

namespace deftnn {

#define DEFTNN_OP(name) extern const OpDef k##name##Op;
#include "deftnn/ops/ops.inc"
#undef DEFTNN_OP

namespace {

constexpr int64_t kLargestFoldedBytes =
    64 << 10;  // shape arithmetic is small; weights are not folded here

const OpDef* const kOps[] = {
#define DEFTNN_OP(name) &k##name##Op,
#include "deftnn/ops/ops.inc"
#undef DEFTNN_OP
};

// What memory is made for: known, numeric, and of a sane size.
Status CheckOutputs(const std::vector<ValueInfo>& outputs) {
  for (const ValueInfo& output : outputs) {
    if (!output.known()) continue;
    if (output.type == ElementType::kString) return Error("tensors of strings are not supported");
    DEFTNN_RETURN_IF_ERROR(CheckShape(output.type, output.shape));
  }
  return {};
}

Status CheckArity(const OpDef& op, const Node& node) {
  const auto within = [](size_t count, int low, int high) {
    return count >= static_cast<size_t>(low) && count <= static_cast<size_t>(high);
  };
  if (!within(node.inputs.size(), op.min_inputs, op.max_inputs)) {
    return Error("{} takes {} to {} inputs, got {}", op.name, op.min_inputs, op.max_inputs,
                 node.inputs.size());
  }
  if (!within(node.outputs.size(), op.min_outputs, op.max_outputs)) {
    return Error("{} has {} to {} outputs, got {}", op.name, op.min_outputs, op.max_outputs,
                 node.outputs.size());
  }
  for (int i = 0; i < op.min_inputs; ++i) {
    if (!node.has_input(i)) return Error("{} needs its input {}", op.name, i);
  }
  return {};
}

}  // namespace

ValueId NormaliseContext::AddConstant(std::string_view suffix, Tensor tensor) {
  return graph_.AddConstant(fmt::format("{}.{}", node_.name, suffix), std::move(tensor));
}

void NormaliseContext::MoveIntsToInput(const std::string& name, size_t index) {
  if (!node_.has(name) || node_.has_input(index)) return;
  const std::vector<int64_t> values = node_.Ints(name);
  while (node_.inputs.size() <= index) node_.inputs.push_back(kNoValue);
  node_.inputs[index] =
      AddConstant(name, Tensor::Of<int64_t>({static_cast<int64_t>(values.size())}, values));
  node_.attributes.erase(name);
}

Result<std::vector<int64_t>> InferContext::IntsInput(size_t i, std::string_view what,
                                                     std::vector<int64_t> absent) const {
  if (!has_input(i)) return absent;
  const Tensor* tensor = constant(i);
  if (tensor == nullptr) {
    return Error("its {} is computed from the data, which is not supported", what)
        .WithHint("export the model with constant shapes");
  }
  return ToInt64Vector(*tensor);
}

std::span<const OpDef* const> AllOps() { return kOps; }

const OpDef* FindOp(std::string_view domain, std::string_view name) {
  if (domain == "ai.onnx") domain = "";
  for (const OpDef* op : kOps) {
    if (op->name == name && op->domain == domain) return op;
  }
  return nullptr;
}

Result<std::vector<ValueInfo>> InferNode(const Node& node,
                                         const std::vector<const ValueInfo*>& inputs) {
  const OpDef* op = FindOp(node.domain, node.op);
  if (op == nullptr) return Error("operator {} is not supported", node.op).WithNode(node.name);
  if (Status status = CheckArity(*op, node); !status.ok()) return status.WithNode(node.name);
  InferContext context(node, inputs);
  if (Status status = op->infer(context); !status.ok()) return status.WithNode(node.name);
  std::vector<ValueInfo> outputs = context.outputs();
  if (Status status = CheckOutputs(outputs); !status.ok()) return status.WithNode(node.name);
  bool small = true;
  for (const ValueInfo& output : outputs) {
    if (output.known()) small = small && ElementCount(output.shape) * 8 <= kLargestFoldedBytes;
  }
  const bool is_shape = node.op == "Shape" && node.domain.empty();
  bool all_known = small && !inputs.empty();
  for (const ValueInfo* input : inputs) {
    if (input != nullptr && !input->constant.defined()) all_known = false;
    if (input != nullptr && ElementCount(input->shape) * 8 > kLargestFoldedBytes) all_known = false;
  }
  if (!all_known && !is_shape) return outputs;
  std::vector<const Tensor*> tensors;
  Tensor shape_only;
  for (const ValueInfo* input : inputs) {
    if (is_shape && input != nullptr) {
      // Shape reads no elements, so a tensor without storage will do.
      static const std::byte nothing[kAlignment] = {};
      shape_only = Tensor::Borrow(input->type, input->shape, nothing, nullptr);
      tensors.push_back(&shape_only);
    } else {
      tensors.push_back(input == nullptr ? nullptr : &input->constant);
    }
  }
  std::vector<Tensor> results;
  std::vector<Tensor*> pointers;
  for (const ValueInfo& output : outputs) {
    results.push_back(output.known() ? Tensor::Zeros(output.type, output.shape) : Tensor());
  }
  for (Tensor& result : results) pointers.push_back(result.defined() ? &result : nullptr);
  EvaluateContext evaluate(node, tensors, pointers);
  if (Status status = op->evaluate(evaluate); !status.ok()) return status.WithNode(node.name);
  for (size_t i = 0; i < outputs.size(); ++i) outputs[i].constant = results[i];
  return outputs;
}

Result<std::vector<Tensor>> EvaluateNode(const Node& node,
                                         const std::vector<const Tensor*>& inputs) {
  std::vector<ValueInfo> infos(inputs.size());
  std::vector<const ValueInfo*> pointers(inputs.size(), nullptr);
  for (size_t i = 0; i < inputs.size(); ++i) {
    if (inputs[i] == nullptr) continue;
    infos[i] = {inputs[i]->type(), inputs[i]->shape(), *inputs[i]};
    pointers[i] = &infos[i];
  }
  const OpDef* op = FindOp(node.domain, node.op);
  if (op == nullptr) return Error("operator {} is not supported", node.op).WithNode(node.name);
  if (Status status = CheckArity(*op, node); !status.ok()) return status.WithNode(node.name);
  InferContext infer(node, pointers);
  if (Status status = op->infer(infer); !status.ok()) return status.WithNode(node.name);
  if (Status status = CheckOutputs(infer.outputs()); !status.ok()) {
    return status.WithNode(node.name);
  }
  std::vector<Tensor> outputs;
  std::vector<Tensor*> output_pointers;
  for (const ValueInfo& info : infer.outputs()) {
    outputs.push_back(info.known() ? Tensor::Zeros(info.type, info.shape) : Tensor());
  }
  for (Tensor& output : outputs) output_pointers.push_back(output.defined() ? &output : nullptr);
  EvaluateContext evaluate(node, inputs, output_pointers);
  if (Status status = op->evaluate(evaluate); !status.ok()) return status.WithNode(node.name);
  return outputs;
}

Result<std::vector<ValueInfo>> InferShapes(const Graph& graph,
                                           const std::vector<ValueInfo>& inputs) {
  DEFTNN_CHECK(inputs.size() == graph.inputs().size());
  std::vector<ValueInfo> values(graph.values().size());
  for (size_t id = 0; id < values.size(); ++id) {
    const Tensor& constant = graph.values()[id].constant;
    if (constant.defined()) values[id] = {constant.type(), constant.shape(), constant};
  }
  for (size_t i = 0; i < inputs.size(); ++i) values[graph.inputs()[i]] = inputs[i];
  for (const Node& node : graph.nodes()) {
    std::vector<const ValueInfo*> node_inputs;
    for (ValueId id : node.inputs) {
      if (id != kNoValue && !values[id].known()) {
        return Error("its input '{}' is made by no node", graph.value(id).name).WithNode(node.name);
      }
      node_inputs.push_back(id == kNoValue ? nullptr : &values[id]);
    }
    DEFTNN_ASSIGN_OR_RETURN(std::vector<ValueInfo> outputs, InferNode(node, node_inputs));
    for (size_t i = 0; i < node.outputs.size(); ++i) {
      if (node.outputs[i] != kNoValue) values[node.outputs[i]] = std::move(outputs[i]);
    }
  }
  for (ValueId id : graph.outputs()) {
    if (!values[id].known()) return Error("output '{}' is made by no node", graph.value(id).name);
  }
  return values;
}

std::vector<ValueInfo> DefaultInputs(const Graph& graph, int64_t batch) {
  std::vector<ValueInfo> inputs;
  for (ValueId id : graph.inputs()) {
    const Value& value = graph.value(id);
    ValueInfo info{value.type, value.shape.value_or(Shape{}), {}};
    for (size_t i = 0; i < info.shape.size(); ++i) {
      if (info.shape[i] == kDynamic) info.shape[i] = i == 0 ? batch : 1;
    }
    inputs.push_back(std::move(info));
  }
  return inputs;
}

Result<std::vector<Tensor>> EvaluateGraph(const Graph& graph, const std::vector<Tensor>& inputs) {
  DEFTNN_CHECK(inputs.size() == graph.inputs().size());
  std::vector<Tensor> values(graph.values().size());
  for (size_t id = 0; id < values.size(); ++id) values[id] = graph.values()[id].constant;
  for (size_t i = 0; i < inputs.size(); ++i) values[graph.inputs()[i]] = inputs[i];
  for (const Node& node : graph.nodes()) {
    std::vector<const Tensor*> node_inputs;
    for (ValueId id : node.inputs) node_inputs.push_back(id == kNoValue ? nullptr : &values[id]);
    DEFTNN_ASSIGN_OR_RETURN(std::vector<Tensor> outputs, EvaluateNode(node, node_inputs));
    for (size_t i = 0; i < node.outputs.size(); ++i) {
      if (node.outputs[i] != kNoValue) values[node.outputs[i]] = std::move(outputs[i]);
    }
  }
  std::vector<Tensor> outputs;
  for (ValueId id : graph.outputs()) outputs.push_back(values[id]);
  return outputs;
}

}  // namespace deftnn
