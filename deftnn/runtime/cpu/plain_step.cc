// A node without a kernel of its own runs its operator's plain implementation, on row-major copies
// where its tensors lie in another form.
#include <cstring>

#include "deftnn/kernels/layout/layout.h"
#include "deftnn/ops/op.h"
#include "deftnn/runtime/cpu/decode.h"
#include "deftnn/runtime/cpu/halo.h"
#include "deftnn/runtime/cpu/steps.h"

namespace deftnn {
namespace {

class PlainStep : public Step {
 public:
  PlainStep(StepSpec spec, const OpDef& op, Isa isa)
      : spec_(std::move(spec)), op_(op), layout_(SelectLayout(isa)) {}

  Status Launch(const Addresses& addresses, ThreadPool& threads) const override {
    std::vector<Tensor> inputs, outputs;
    std::vector<const Tensor*> input_pointers;
    std::vector<Tensor*> output_pointers;
    for (const Operand& operand : spec_.inputs) inputs.push_back(Read(operand, addresses));
    for (const Operand& operand : spec_.outputs) {
      const ElementType type = operand.form == Form::kPlain ? operand.type : ElementType::kFloat32;
      outputs.push_back(operand.exists() ? Tensor::Zeros(type, operand.shape) : Tensor());
    }
    for (const Tensor& tensor : inputs) {
      input_pointers.push_back(tensor.defined() ? &tensor : nullptr);
    }
    for (Tensor& tensor : outputs) output_pointers.push_back(tensor.defined() ? &tensor : nullptr);
    EvaluateContext context(spec_.node, input_pointers, output_pointers);
    if (Status status = op_.evaluate(context); !status.ok()) {
      return status.WithNode(spec_.node.name);
    }
    for (size_t i = 0; i < outputs.size(); ++i) {
      if (outputs[i].defined()) Write(outputs[i], spec_.outputs[i], addresses, threads);
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
  static Tensor Read(const Operand& operand, const Addresses& addresses) {
    if (operand.constant.defined() || !operand.exists()) return operand.constant;
    if (operand.form != Form::kPlain) return Decode(operand, addresses);
    return Tensor::Borrow(operand.type, operand.shape, addresses.of(operand), nullptr);
  }

  void Write(const Tensor& tensor, const Operand& to, const Addresses& addresses,
             ThreadPool& threads) const {
    void* from = const_cast<std::byte*>(tensor.data());
    if (to.form == Form::kPlain) {
      std::memcpy(addresses.of(to), from, tensor.bytes());
      return;
    }
    ClearHalo(to, addresses);
    const Layout& l = to.layout;
    if (to.form == Form::kImage) {
      FromPlanes(layout_, Planes::Dense(from, l), addresses.view(to), threads);
    } else {
      const Layout rows = Layout::Dense(l.batch, l.height, l.width, l.channels, Format::kFp32);
      CopyView(layout_, {rows, from}, addresses.view(to), threads);
    }
  }

  const StepSpec spec_;
  const OpDef& op_;
  const LayoutKernel& layout_;
};

}  // namespace

Result<std::unique_ptr<Step>> PreparePlain(const StepSpec& spec, const CpuPrepareContext& context) {
  const OpDef* op = FindOp(spec.node.domain, spec.node.op);
  if (op == nullptr) return Error("operator {} is not supported", spec.node.op);
  return std::unique_ptr<Step>(std::make_unique<PlainStep>(spec, *op, context.isa));
}

}  // namespace deftnn
