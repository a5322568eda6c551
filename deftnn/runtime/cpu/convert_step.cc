// One value from one form or format to another.
#include <cstring>

#include "deftnn/kernels/layout/layout.h"
#include "deftnn/runtime/cpu/halo.h"
#include "deftnn/runtime/cpu/steps.h"

namespace deftnn {
namespace {

enum class Move { kBytes, kFromPlanes, kToPlanes, kView };

class ConvertStep : public Step {
 public:
  ConvertStep(const StepSpec& spec, Move move, Isa isa)
      : from_(spec.inputs[0]), to_(spec.outputs[0]), move_(move), kernel_(SelectLayout(isa)) {}

  Status Launch(const Addresses& addresses, ThreadPool& threads) const override {
    ClearHalo(to_, addresses);
    switch (move_) {
      case Move::kBytes:
        std::memcpy(addresses.of(to_), addresses.of(from_), to_.bytes());
        break;
      case Move::kFromPlanes:
        FromPlanes(kernel_, Planes::Dense(addresses.of(from_), to_.layout), addresses.view(to_),
                   threads);
        break;
      case Move::kToPlanes:
        ToPlanes(kernel_, addresses.view(from_), Planes::Dense(addresses.of(to_), from_.layout),
                 threads);
        break;
      case Move::kView:
        CopyView(kernel_, addresses.view(from_), addresses.view(to_), threads);
        break;
    }
    return {};
  }
  std::string kernel() const override { return fmt::format("{}/layout", NameOf(kernel_.isa)); }
  StepCost cost() const override {
    return {0, 0, static_cast<double>(from_.bytes() + to_.bytes())};
  }

 private:
  Operand from_, to_;
  Move move_;
  const LayoutKernel& kernel_;
};

// Row-major float32 as the matrix that it is; nothing behind it is its own.
Operand AsRows(Operand operand, const Operand& like) {
  const Layout& l = like.layout;
  operand.owns_slack = false;
  operand.form = Form::kRows;
  operand.layout = Layout::Dense(l.batch, l.height, l.width, l.channels, Format::kFp32);
  return operand;
}

}  // namespace

Result<std::unique_ptr<Step>> PrepareConvert(const StepSpec& spec,
                                             const CpuPrepareContext& context) {
  StepSpec bound = spec;
  Operand &from = bound.inputs[0], &to = bound.outputs[0];
  Move move = Move::kView;
  if (from.form == Form::kPlain && to.form == Form::kPlain) {
    move = Move::kBytes;
  } else if (from.form == Form::kPlain && to.form == Form::kImage) {
    move = Move::kFromPlanes;
  } else if (from.form == Form::kImage && to.form == Form::kPlain) {
    move = Move::kToPlanes;
  } else if (from.form == Form::kPlain) {
    from = AsRows(from, to);
  } else if (to.form == Form::kPlain) {
    to = AsRows(to, from);
  } else if (from.form != to.form) {
    // N x C x 1 x 1 and N x C: the same pixels under other names.
    Layout& l = from.layout;
    DEFTNN_CHECK(l.pixels() == to.layout.pixels() && l.channels == to.layout.channels);
    const int64_t stride = from.form == Form::kImage ? l.image_stride : l.pixel_stride;
    l.batch = to.layout.batch;
    l.height = to.layout.height;
    l.width = to.layout.width;
    l.pixel_stride = to.form == Form::kRows ? stride : l.channels;
    l.row_stride = l.image_stride = to.form == Form::kRows ? stride * l.width : stride;
    l.halo_top = l.halo_bottom = l.halo_left = l.halo_right = 0;
  }
  return std::unique_ptr<Step>(std::make_unique<ConvertStep>(bound, move, context.isa));
}

}  // namespace deftnn
