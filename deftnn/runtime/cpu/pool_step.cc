// MaxPool, AveragePool and the global pools.
#include "deftnn/kernels/pool/pool.h"

#include "deftnn/ops/pool.h"
#include "deftnn/runtime/cpu/halo.h"
#include "deftnn/runtime/cpu/steps.h"

namespace deftnn {
namespace {

class PoolStep : public Step {
 public:
  PoolStep(const StepSpec& spec, const PoolArgs& args, Isa isa)
      : x_(spec.inputs[0]), y_(spec.outputs[0]), args_(args), kernel_(SelectPool(isa)) {}

  Status Launch(const Addresses& addresses, ThreadPool& threads) const override {
    PoolArgs args = args_;
    args.input = addresses.view(x_);
    args.output = addresses.view(y_);
    ClearHalo(y_, addresses);
    RunPool(kernel_, args, threads);
    return {};
  }
  std::string kernel() const override { return fmt::format("{}/pool", NameOf(kernel_.isa)); }
  StepCost cost() const override { return {0, 0, static_cast<double>(x_.bytes() + y_.bytes())}; }

 private:
  const Operand x_, y_;
  const PoolArgs args_;
  const PoolKernel& kernel_;
};

}  // namespace

Result<std::unique_ptr<Step>> PreparePool(const StepSpec& spec, const CpuPrepareContext& context) {
  const Node& node = spec.node;
  PoolArgs args;
  const bool max = node.op == "MaxPool" || node.op == "GlobalMaxPool";
  if (node.op == "GlobalMaxPool" || node.op == "GlobalAveragePool") {
    args.kind = max ? PoolKind::kGlobalMax : PoolKind::kGlobalAverage;
    return std::unique_ptr<Step>(std::make_unique<PoolStep>(spec, args, context.isa));
  }
  DEFTNN_ASSIGN_OR_RETURN(const PoolAttributes attributes,
                          PoolAttributes::Read(node, spec.inputs[0].shape));
  const Plane plane = MakePlane(attributes.window, spec.inputs[0].shape);
  args.kind = max ? PoolKind::kMax : PoolKind::kAverage;
  args.kernel_h = plane.kernel_h;
  args.kernel_w = plane.kernel_w;
  args.stride_h = plane.stride_h;
  args.stride_w = plane.stride_w;
  args.dilation_h = plane.dilation_h;
  args.dilation_w = plane.dilation_w;
  args.pad_top = plane.pad_h;
  args.pad_left = plane.pad_w;
  args.pad_bottom = attributes.window.axes() == 2 ? attributes.window.pads_end[0] : 0;
  args.pad_right = attributes.window.pads_end.back();
  args.count_include_pad = attributes.count_include_pad;
  return std::unique_ptr<Step>(std::make_unique<PoolStep>(spec, args, context.isa));
}

}  // namespace deftnn
