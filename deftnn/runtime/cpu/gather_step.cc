// Gather: slices of one axis, on all threads.
#include <cstring>

#include "deftnn/kernels/select.h"
#include "deftnn/ops/axes.h"
#include "deftnn/ops/movement.h"
#include "deftnn/runtime/cpu/steps.h"

namespace deftnn {
namespace {

class GatherStep : public Step {
 public:
  GatherStep(const StepSpec& spec, int axis)
      : data_(spec.inputs[0]),
        indices_(spec.inputs[1]),
        y_(spec.outputs[0]),
        axis_(axis),
        extent_(data_.shape[static_cast<size_t>(axis)]),
        outer_(OuterCount(data_.shape, axis)),
        slice_(static_cast<size_t>(InnerCount(data_.shape, axis) * BitsOf(data_.type) / 8)) {}

  Status Launch(const Addresses& addresses, ThreadPool& threads) const override {
    if (indices_.type == ElementType::kInt32) return Pick<int32_t>(addresses, threads);
    return Pick<int64_t>(addresses, threads);
  }
  std::string kernel() const override { return "gather"; }
  StepCost cost() const override {
    return {0, 0, static_cast<double>(indices_.bytes() + 2 * y_.bytes())};
  }

 private:
  template <typename Index>
  Status Pick(const Addresses& addresses, ThreadPool& threads) const {
    const auto* indices = reinterpret_cast<const Index*>(addresses.of(indices_));
    const int64_t count = ElementCount(indices_.shape);
    for (int64_t i = 0; i < count; ++i) {
      if (indices[i] < -extent_ || indices[i] >= extent_) {
        return Error("index {} is out of range for axis {} of extent {}", indices[i], axis_,
                     extent_);
      }
    }
    const std::byte* from = addresses.of(data_);
    std::byte* to = addresses.of(y_);
    ForRange(threads, outer_ * count, 2 * y_.bytes(), [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i) {
        const int64_t index = indices[i % count];
        const int64_t row = i / count * extent_ + (index < 0 ? index + extent_ : index);
        std::memcpy(to + static_cast<size_t>(i) * slice_, from + static_cast<size_t>(row) * slice_,
                    slice_);
      }
    });
    return {};
  }

  const Operand data_, indices_, y_;
  const int axis_;
  const int64_t extent_, outer_;
  const size_t slice_;
};

}  // namespace

Result<std::unique_ptr<Step>> PrepareGather(const StepSpec& spec,
                                            const CpuPrepareContext& context) {
  if (BitsOf(spec.inputs[0].type) % 8 != 0) return PreparePlain(spec, context);
  DEFTNN_ASSIGN_OR_RETURN(const int axis,
                          ResolveAxis(spec.node.Int("axis", 0), spec.inputs[0].shape.size()));
  return std::unique_ptr<Step>(std::make_unique<GatherStep>(spec, axis));
}

}  // namespace deftnn
