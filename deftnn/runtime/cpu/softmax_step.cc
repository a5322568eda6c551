// Softmax and LogSoftmax over axes with nothing behind them: rows of row-major memory.
#include "deftnn/ops/softmax.h"

#include "deftnn/kernels/softmax/softmax.h"
#include "deftnn/runtime/cpu/steps.h"

namespace deftnn {
namespace {

class SoftmaxStep : public Step {
 public:
  SoftmaxStep(const StepSpec& spec, const AxisSplit& split, Isa isa)
      : x_(spec.inputs[0]),
        y_(spec.outputs[0]),
        split_(split),
        logarithm_(spec.node.op == "LogSoftmax"),
        kernel_(SelectSoftmax(isa)) {}

  Status Launch(const Addresses& addresses, ThreadPool& threads) const override {
    SoftmaxArgs args;
    args.x = reinterpret_cast<const float*>(addresses.of(x_));
    args.y = reinterpret_cast<float*>(addresses.of(y_));
    args.rows = split_.outer;
    args.length = split_.extent;
    args.x_stride = RowStride(x_);
    args.y_stride = RowStride(y_);
    args.logarithm = logarithm_;
    RunSoftmax(kernel_, args, threads);
    return {};
  }
  std::string kernel() const override { return fmt::format("{}/softmax", NameOf(kernel_.isa)); }
  StepCost cost() const override { return {0, 0, static_cast<double>(x_.bytes() + y_.bytes())}; }

 private:
  int64_t RowStride(const Operand& operand) const {
    return operand.form == Form::kRows ? operand.layout.pixel_stride : split_.extent;
  }

  const Operand x_, y_;
  const AxisSplit split_;
  const bool logarithm_;
  const SoftmaxKernel& kernel_;
};

}  // namespace

Result<std::unique_ptr<Step>> PrepareSoftmax(const StepSpec& spec,
                                             const CpuPrepareContext& context) {
  const Operand& x = spec.inputs[0];
  DEFTNN_ASSIGN_OR_RETURN(const SoftmaxAxes axes, SoftmaxAxes::Read(spec.node, x.shape));
  return std::unique_ptr<Step>(
      std::make_unique<SoftmaxStep>(spec, axes.Split(x.shape), context.isa));
}

}  // namespace deftnn
