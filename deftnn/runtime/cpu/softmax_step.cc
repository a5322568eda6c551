// Softmax and LogSoftmax over the last axis.
#include "deftnn/kernels/softmax/softmax.h"

#include "deftnn/runtime/cpu/steps.h"

namespace deftnn {
namespace {

class SoftmaxStep : public Step {
 public:
  SoftmaxStep(const StepSpec& spec, Isa isa)
      : x_(spec.inputs[0]),
        y_(spec.outputs[0]),
        logarithm_(spec.node.op == "LogSoftmax"),
        kernel_(SelectSoftmax(isa)) {}

  Status Launch(const Addresses& addresses, ThreadPool& threads) const override {
    SoftmaxArgs args;
    args.x = reinterpret_cast<const float*>(addresses.of(x_));
    args.y = reinterpret_cast<float*>(addresses.of(y_));
    args.rows = x_.layout.width;
    args.length = x_.layout.channels;
    args.x_stride = x_.layout.pixel_stride;
    args.y_stride = y_.layout.pixel_stride;
    args.logarithm = logarithm_;
    RunSoftmax(kernel_, args, threads);
    return {};
  }
  std::string kernel() const override { return fmt::format("{}/softmax", NameOf(kernel_.isa)); }
  StepCost cost() const override { return {0, 0, static_cast<double>(x_.bytes() + y_.bytes())}; }

 private:
  const Operand x_, y_;
  const bool logarithm_;
  const SoftmaxKernel& kernel_;
};

}  // namespace

Result<std::unique_ptr<Step>> PrepareSoftmax(const StepSpec& spec,
                                             const CpuPrepareContext& context) {
  const Layout &x = spec.inputs[0].layout, &y = spec.outputs[0].layout;
  if (x.format != Format::kFp32 || y.format != Format::kFp32 || x.channels < 1)
    return PreparePlain(spec, context);
  return std::unique_ptr<Step>(std::make_unique<SoftmaxStep>(spec, context.isa));
}

}  // namespace deftnn
