// Pad of images with a constant.
#include "deftnn/ops/pad.h"

#include "deftnn/kernels/layout/layout.h"
#include "deftnn/runtime/cpu/box.h"
#include "deftnn/runtime/cpu/halo.h"
#include "deftnn/runtime/cpu/steps.h"

namespace deftnn {
namespace {

class PadStep : public Step {
 public:
  // `borders`: the boxes of the output around `inner`, where the input goes.
  PadStep(const StepSpec& spec, Operand inner, std::vector<Operand> borders, float value, Isa isa)
      : x_(spec.inputs[0]),
        y_(spec.outputs[0]),
        inner_(std::move(inner)),
        borders_(std::move(borders)),
        values_(static_cast<size_t>(y_.layout.channels), value),
        kernel_(SelectLayout(isa)) {}

  Status Launch(const Addresses& addresses, ThreadPool& threads) const override {
    ClearHalo(y_, addresses);
    for (const Operand& border : borders_) {
      CopyView(kernel_, Repeated(border.layout), addresses.view(border), threads);
    }
    CopyView(kernel_, addresses.view(x_), addresses.view(inner_), threads);
    return {};
  }
  std::string kernel() const override { return fmt::format("{}/layout", NameOf(kernel_.isa)); }
  StepCost cost() const override { return {0, 0, static_cast<double>(x_.bytes() + y_.bytes())}; }

 private:
  // One pixel of the value for all that `extents` has.
  View Repeated(const Layout& extents) const {
    Layout layout = extents;
    layout.format = Format::kFp32;
    layout.pixel_stride = layout.row_stride = layout.image_stride = 0;
    return {layout, const_cast<float*>(values_.data())};
  }

  const Operand x_, y_, inner_;
  const std::vector<Operand> borders_;
  const std::vector<float> values_;  // of one pixel
  const LayoutKernel& kernel_;
};

}  // namespace

Result<std::unique_ptr<Step>> PreparePad(const StepSpec& spec, const CpuPrepareContext& context) {
  const Node& node = spec.node;
  const Operand &x = spec.inputs[0], &y = spec.outputs[0];
  DEFTNN_ASSIGN_OR_RETURN(const Pads pads,
                          ReadPads(x.shape.size(), spec.inputs[1].constant,
                                   node.has_input(3) ? &spec.inputs[3].constant : nullptr));
  const float value = node.has_input(2) ? spec.inputs[2].constant.values<float>()[0] : 0.0f;
  const Layout &in = x.layout, &out = y.layout;
  const Box inner = {x.shape.size() == 4 ? pads.begin[2] : 0,
                     pads.begin.back(),
                     pads.begin[1],
                     in.height,
                     in.width,
                     in.channels};
  const int64_t bottom = inner.top + inner.height, right = inner.left + inner.width,
                behind = inner.channel + inner.channels;
  std::vector<Operand> borders;
  for (const Box& box :
       {Box{0, 0, 0, inner.top, out.width, out.channels},
        Box{bottom, 0, 0, out.height - bottom, out.width, out.channels},
        Box{inner.top, 0, 0, inner.height, inner.left, out.channels},
        Box{inner.top, right, 0, inner.height, out.width - right, out.channels},
        Box{inner.top, inner.left, 0, inner.height, inner.width, inner.channel},
        Box{inner.top, inner.left, behind, inner.height, inner.width, out.channels - behind}}) {
    if (box.height > 0 && box.width > 0 && box.channels > 0) borders.push_back(Within(y, box));
  }
  return std::unique_ptr<Step>(
      std::make_unique<PadStep>(spec, Within(y, inner), std::move(borders), value, context.isa));
}

}  // namespace deftnn
