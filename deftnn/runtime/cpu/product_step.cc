// SynapseProduct: one bound product of kernels/gemm, or one a convolution group.
#include <cstring>

#include "deftnn/kernels/gemm/gemm.h"
#include "deftnn/kernels/layout/layout.h"
#include "deftnn/ops/synapse_product.h"
#include "deftnn/runtime/cpu/halo.h"
#include "deftnn/runtime/cpu/steps.h"
#include "deftnn/runtime/packing.h"

namespace deftnn {
namespace {

using Input = SynapseProduct::Input;

struct Part {
  gemm::BoundProduct bound;
  int64_t input_bytes, output_bytes,
      residual_bytes;  // from the tensors' first channels to this group's
};

class ProductStep : public Step {
 public:
  ProductStep(const StepSpec& spec, std::vector<Part> parts)
      : parts_(std::move(parts)), x_(spec.inputs[Input::kX]), y_(spec.outputs[0]) {
    if (spec.inputs.size() > Input::kResidual) residual_ = spec.inputs[Input::kResidual];
    cost_.flops = 2.0 * static_cast<double>(ElementCount(y_.shape)) *
                  static_cast<double>(spec.inputs[Input::kW].shape[1]);
    for (const Part& part : parts_) {
      cost_.weight_bytes += static_cast<double>(part.bound.weight_bytes());
    }
    cost_.tensor_bytes =
        TensorBytes(x_) + TensorBytes(y_) + (residual_.exists() ? TensorBytes(residual_) : 0);
  }

  Status Launch(const Addresses& addresses, ThreadPool& threads) const override {
    std::byte* x = addresses.of(x_);
    std::byte* y = addresses.of(y_);
    std::byte* residual = residual_.exists() ? addresses.of(residual_) : nullptr;
    ClearHalo(y_, addresses);
    for (const Part& part : parts_) {
      gemm::Run(part.bound, x + part.input_bytes, y + part.output_bytes,
                residual == nullptr ? nullptr : residual + part.residual_bytes, threads);
    }
    return {};
  }
  std::string kernel() const override { return std::string(parts_[0].bound.kernel().name); }
  StepCost cost() const override { return cost_; }

 private:
  static double TensorBytes(const Operand& operand) {
    return static_cast<double>(ElementCount(operand.shape)) * BitsOf(operand.type) / 8;
  }

  const std::vector<Part> parts_;
  const Operand x_, y_;
  Operand residual_;
  StepCost cost_;
};

Layout Channels(Layout layout, int64_t channels) {
  layout.channels = channels;
  return layout;
}

}  // namespace

Result<std::unique_ptr<Step>> PrepareProduct(const StepSpec& spec,
                                             const CpuPrepareContext& context) {
  DEFTNN_ASSIGN_OR_RETURN(const SynapseProduct product, SynapseProduct::Read(spec.node));
  const Operand &x = spec.inputs[Input::kX], &y = spec.outputs[0];
  const Operand* residual =
      spec.inputs.size() > Input::kResidual && spec.inputs[Input::kResidual].exists()
          ? &spec.inputs[Input::kResidual]
          : nullptr;
  if (!spec.inputs[Input::kW].constant.defined()) return Error("its weights must be constant");
  const Tensor* bias = spec.inputs.size() > Input::kBias && spec.inputs[Input::kBias].exists()
                           ? &spec.inputs[Input::kBias].constant
                           : nullptr;
  DEFTNN_ASSIGN_OR_RETURN(
      const std::vector<PackedPart> packed,
      PackProduct(spec.node, spec.inputs[Input::kW].constant, spec.inputs[Input::kKept].constant,
                  bias, x.shape, context.isa, x.layout.pixel_stride == product.channels,
                  context.packed, context.pool));
  const int64_t outputs = y.layout.channels / product.groups;
  const int64_t x_element = BytesOf(x.layout.format), y_element = BytesOf(y.layout.format);
  std::vector<Part> parts;
  for (int64_t g = 0; g < product.groups; ++g) {
    const Layout in = Channels(x.layout, product.channels), out = Channels(y.layout, outputs);
    Layout residual_layout;
    int64_t residual_bytes = 0;
    if (residual != nullptr) {
      residual_layout = Channels(residual->layout, outputs);
      residual_bytes = g * outputs * BytesOf(residual->layout.format);
    }
    parts.push_back(
        {gemm::Bind(packed[g].product, in, out, residual != nullptr ? &residual_layout : nullptr),
         g * product.channels * x_element, g * outputs * y_element, residual_bytes});
  }
  return std::unique_ptr<Step>(std::make_unique<ProductStep>(spec, std::move(parts)));
}

}  // namespace deftnn
