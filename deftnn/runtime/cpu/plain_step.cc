// A node without a kernel of its own runs its operator's plain implementation.
#include <cstring>

#include "deftnn/ops/op.h"
#include "deftnn/runtime/cpu/decode.h"
#include "deftnn/runtime/cpu/steps.h"

namespace deftnn {
namespace {

class PlainStep : public Step {
 public:
  PlainStep(StepSpec spec, const OpDef& op) : spec_(std::move(spec)), op_(op) {}

  Status Launch(const Addresses& addresses, ThreadPool&) const override {
    std::vector<Tensor> inputs, outputs;
    std::vector<const Tensor*> input_pointers;
    std::vector<Tensor*> output_pointers;
    for (const Operand& operand : spec_.inputs) {
      inputs.push_back(
          operand.constant.defined() || !operand.exists()
              ? operand.constant
              : Tensor::Borrow(operand.type, operand.shape, addresses.of(operand), nullptr));
    }
    for (const Operand& operand : spec_.outputs) {
      outputs.push_back(operand.exists() ? Tensor::Zeros(operand.type, operand.shape) : Tensor());
    }
    for (const Tensor& tensor : inputs)
      input_pointers.push_back(tensor.defined() ? &tensor : nullptr);
    for (Tensor& tensor : outputs) output_pointers.push_back(tensor.defined() ? &tensor : nullptr);
    EvaluateContext context(spec_.node, input_pointers, output_pointers);
    if (Status status = op_.evaluate(context); !status.ok())
      return status.WithNode(spec_.node.name);
    for (size_t i = 0; i < outputs.size(); ++i) {
      if (outputs[i].defined()) {
        std::memcpy(addresses.of(spec_.outputs[i]), outputs[i].data(), outputs[i].bytes());
      }
    }
    return {};
  }
  std::string kernel() const override { return "plain"; }
  StepCost cost() const override {
    StepCost cost;
    for (const Operand& operand : spec_.inputs)
      cost.tensor_bytes += static_cast<double>(operand.bytes());
    for (const Operand& operand : spec_.outputs)
      cost.tensor_bytes += static_cast<double>(operand.bytes());
    return cost;
  }

 private:
  const StepSpec spec_;
  const OpDef& op_;
};

}  // namespace

Result<std::unique_ptr<Step>> PreparePlain(const StepSpec& spec, const CpuPrepareContext&) {
  const OpDef* op = FindOp(spec.node.domain, spec.node.op);
  if (op == nullptr) return Error("operator {} is not supported", spec.node.op);
  return std::unique_ptr<Step>(std::make_unique<PlainStep>(spec, *op));
}

}  // namespace deftnn
