// Activations that no product could take, and Add, Sub, Mul, Div of images and matrices.
#include "deftnn/kernels/eltwise/eltwise.h"
#include "deftnn/ops/activations.h"
#include "deftnn/runtime/cpu/halo.h"
#include "deftnn/runtime/cpu/steps.h"

namespace deftnn {
namespace {

double Bytes(const Operand& operand) { return static_cast<double>(operand.bytes()); }

class ActivationStep : public Step {
 public:
  ActivationStep(const StepSpec& spec, Isa isa)
      : x_(spec.inputs[0]),
        y_(spec.outputs[0]),
        activation_(*spec.activation),
        kernel_(SelectEltwise(isa)) {}

  Status Launch(const Addresses& addresses, ThreadPool& threads) const override {
    ClearHalo(y_, addresses);
    RunActivate(kernel_, {addresses.view(x_), addresses.view(y_), activation_}, threads);
    return {};
  }
  std::string kernel() const override { return fmt::format("{}/eltwise", NameOf(kernel_.isa)); }
  StepCost cost() const override { return {0, 0, Bytes(x_) + Bytes(y_)}; }

 private:
  const Operand x_, y_;
  const ActivationSpec activation_;
  const EltwiseKernel& kernel_;
};

// What the operand that does not have the output's extents is.
enum class Second { kView, kVector, kVectorOfEachImage };

class BinaryStep : public Step {
 public:
  BinaryStep(BinaryOp op, Operand a, Operand b, Operand y, Second second, Tensor vector, Isa isa)
      : op_(op),
        second_(second),
        a_(std::move(a)),
        b_(std::move(b)),
        y_(std::move(y)),
        vector_(std::move(vector)),
        kernel_(SelectEltwise(isa)) {}

  Status Launch(const Addresses& addresses, ThreadPool& threads) const override {
    BinaryArgs args;
    args.op = op_;
    args.a = addresses.view(a_);
    args.output = addresses.view(y_);
    if (second_ == Second::kView) {
      args.b = addresses.view(b_);
    } else if (second_ == Second::kVector) {
      args.vector = vector_.values<float>().data();
    } else {
      args.vector = reinterpret_cast<const float*>(addresses.of(b_));
      args.vector_image_stride = a_.layout.channels;
    }
    ClearHalo(y_, addresses);
    RunBinary(kernel_, args, threads);
    return {};
  }
  std::string kernel() const override { return fmt::format("{}/eltwise", NameOf(kernel_.isa)); }
  StepCost cost() const override { return {0, 0, Bytes(a_) + Bytes(b_) + Bytes(y_)}; }

 private:
  const BinaryOp op_;
  const Second second_;
  const Operand a_, b_, y_;
  const Tensor vector_;
  const EltwiseKernel& kernel_;
};

BinaryOp OpOf(const std::string& name, bool swapped) {
  if (name == "Add") return BinaryOp::kAdd;
  if (name == "Mul") return BinaryOp::kMul;
  if (name == "Sub") return swapped ? BinaryOp::kReverseSub : BinaryOp::kSub;
  return swapped ? BinaryOp::kReverseDiv : BinaryOp::kDiv;
}

// One value for each of `channels`, from a constant that has one or one a channel.
Tensor PerChannel(const Tensor& constant, int64_t channels) {
  if (constant.size() == channels) return constant.Reshaped({channels});
  const std::vector<float> repeated(static_cast<size_t>(channels), constant.values<float>()[0]);
  return Tensor::Of<float>({channels}, repeated);
}

}  // namespace

Result<std::unique_ptr<Step>> PrepareActivation(const StepSpec& spec,
                                                const CpuPrepareContext& context) {
  DEFTNN_CHECK(spec.activation.has_value());
  return std::unique_ptr<Step>(std::make_unique<ActivationStep>(spec, context.isa));
}

Result<std::unique_ptr<Step>> PrepareBinary(const StepSpec& spec,
                                            const CpuPrepareContext& context) {
  const Operand& y = spec.outputs[0];
  const auto spans = [&](const Operand& operand) {
    return !operand.constant.defined() && operand.shape == y.shape && operand.form != Form::kPlain;
  };
  const bool swapped = !spans(spec.inputs[0]);
  const Operand& a = spec.inputs[swapped ? 1 : 0];
  const Operand& b = spec.inputs[swapped ? 0 : 1];
  // A plan asks for this kind only when one operand has the output's extents.
  if (!spans(a)) return PreparePlain(spec, context);
  Second second = Second::kView;
  Tensor vector;
  if (b.constant.defined()) {
    second = Second::kVector;
    vector = PerChannel(b.constant, y.layout.channels);
  } else if (!spans(b)) {
    const Layout& l = b.layout;
    const bool one_float_a_channel = b.form == Form::kImage && l.format == Format::kFp32 &&
                                     l.height * l.width == 1 && l.image_stride == y.layout.channels;
    if (!one_float_a_channel) return PreparePlain(spec, context);
    second = Second::kVectorOfEachImage;
  }
  return std::unique_ptr<Step>(std::make_unique<BinaryStep>(
      OpOf(spec.node.op, swapped), a, b, y, second, std::move(vector), context.isa));
}

}  // namespace deftnn
