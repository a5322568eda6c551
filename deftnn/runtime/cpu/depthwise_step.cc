// DepthwiseConv.
#include "deftnn/ops/depthwise_conv.h"

#include "deftnn/kernels/depthwise/depthwise.h"
#include "deftnn/runtime/cpu/halo.h"
#include "deftnn/runtime/cpu/steps.h"

namespace deftnn {
namespace {

class DepthwiseStep : public Step {
 public:
  // `blocks` may be undefined.
  DepthwiseStep(const StepSpec& spec, const DepthwiseArgs& args, Tensor filter, Tensor blocks,
                Isa isa)
      : x_(spec.inputs[0]),
        y_(spec.outputs[0]),
        filter_(std::move(filter)),
        blocks_(std::move(blocks)),
        args_(args),
        kernel_(SelectDepthwise(isa)) {
    args_.filter = filter_.values<float>().data();
    if (blocks_.defined()) args_.blocks = blocks_.values<float>().data();
  }

  Status Launch(const Addresses& addresses, ThreadPool& threads) const override {
    DepthwiseArgs args = args_;
    args.input = addresses.view(x_);
    args.output = addresses.view(y_);
    ClearHalo(y_, addresses);
    RunDepthwise(kernel_, args, threads);
    return {};
  }
  std::string kernel() const override { return fmt::format("{}/depthwise", NameOf(kernel_.isa)); }
  StepCost cost() const override {
    const double taps = static_cast<double>(args_.kernel_h * args_.kernel_w);
    return {2 * taps * static_cast<double>(ElementCount(y_.shape)),
            static_cast<double>(filter_.bytes()), static_cast<double>(x_.bytes() + y_.bytes())};
  }

 private:
  const Operand x_, y_;
  const Tensor filter_, blocks_;
  DepthwiseArgs args_;
  const DepthwiseKernel& kernel_;
};

}  // namespace

Result<std::unique_ptr<Step>> PrepareDepthwise(const StepSpec& spec,
                                               const CpuPrepareContext& context) {
  const Tensor& w = spec.inputs[DepthwiseConv::kW].constant;
  const bool has_bias =
      spec.inputs.size() > DepthwiseConv::kBias && spec.inputs[DepthwiseConv::kBias].exists();
  if (!w.defined() || (has_bias && !spec.inputs[DepthwiseConv::kBias].constant.defined())) {
    return Error("its weights must be constant");
  }
  const Shape& x = spec.inputs[DepthwiseConv::kX].shape;
  DEFTNN_ASSIGN_OR_RETURN(const DepthwiseConv conv, DepthwiseConv::Read(spec.node, x, w.shape()));
  DEFTNN_ASSIGN_OR_RETURN(const Tensor weights, ToFloat32(w));
  const Plane plane = MakePlane(conv.window, x);
  DepthwiseArgs args;
  args.kernel_h = plane.kernel_h;
  args.kernel_w = plane.kernel_w;
  args.stride_h = plane.stride_h;
  args.stride_w = plane.stride_w;
  args.dilation_h = plane.dilation_h;
  args.dilation_w = plane.dilation_w;
  args.pad_top = plane.pad_h;
  args.pad_left = plane.pad_w;
  args.activation = conv.activation;
  Tensor filter = Tensor::Zeros(ElementType::kFloat32,
                                {PackedDepthwiseSize(w.dim(0), args.kernel_h, args.kernel_w)});
  const float* bias =
      has_bias ? spec.inputs[DepthwiseConv::kBias].constant.values<float>().data() : nullptr;
  PackDepthwise(weights.values<float>().data(), bias, w.dim(0), args.kernel_h, args.kernel_w,
                filter.mutable_values<float>().data());
  Tensor blocks;
  const DepthwisePacking packing = SelectDepthwise(context.isa).packing;
  if (packing != DepthwisePacking::kNone && w.type() == ElementType::kBfloat16 &&
      args.kernel_h == 3 && args.kernel_w == 3) {
    blocks = Tensor::Zeros(ElementType::kFloat32, {PackedDepthwise3x3Size(packing, w.dim(0))});
    PackDepthwise3x3(packing, weights.values<float>().data(), bias, w.dim(0),
                     blocks.mutable_values<float>().data());
  }
  return std::unique_ptr<Step>(std::make_unique<DepthwiseStep>(spec, args, std::move(filter),
                                                               std::move(blocks), context.isa));
}

}  // namespace deftnn
