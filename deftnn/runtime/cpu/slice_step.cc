// Slice of images: the pixels that it keeps are a view with longer strides.
#include "deftnn/ops/slice.h"

#include "deftnn/runtime/cpu/box.h"
#include "deftnn/runtime/cpu/steps.h"

namespace deftnn {

Result<std::unique_ptr<Step>> PrepareSlice(const StepSpec& spec, const CpuPrepareContext& context) {
  SliceLists lists = {};
  for (size_t i = 0; i < lists.size(); ++i) {
    if (spec.node.has_input(i + 1)) lists[i] = &spec.inputs[i + 1].constant;
  }
  const Operand &x = spec.inputs[0], &y = spec.outputs[0];
  DEFTNN_ASSIGN_OR_RETURN(const std::vector<SliceRange> ranges, ReadSlice(x.shape, lists));
  const SliceRange &channels = ranges[1], &columns = ranges.back();
  const SliceRange rows = ranges.size() == 4 ? ranges[2] : SliceRange{0, 1, 1};
  Operand kept = Within(
      x, {rows.start, columns.start, channels.start, rows.count, columns.count, channels.count});
  kept.layout.row_stride *= rows.step;
  kept.layout.pixel_stride *= columns.step;
  return PrepareConvert({StepKind::kConvert, spec.node, {kept}, {y}, {}}, context);
}

}  // namespace deftnn
