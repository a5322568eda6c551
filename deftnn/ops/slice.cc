// Slice: a strided range of each named axis, numpy's a[start:end:step].
#include "deftnn/ops/slice.h"

#include <algorithm>

#include "deftnn/ops/axes.h"
#include "deftnn/ops/movement.h"

namespace deftnn {
namespace {

/// Before opset 10 the ranges are attributes.
Status Normalise(NormaliseContext& context) {
  if (context.opset() >= 10) return {};
  context.MoveIntsToInput("starts", 1);
  context.MoveIntsToInput("ends", 2);
  context.MoveIntsToInput("axes", 3);
  return {};
}

/// Out-of-range bounds are clamped, negative ones count from the end.
SliceRange RangeOf(int64_t extent, int64_t start, int64_t end, int64_t step) {
  step = std::max(step, -std::numeric_limits<int64_t>::max());
  if (start < 0) start += extent;
  if (end < 0) end += extent;
  SliceRange range{0, step, 0};
  if (extent == 0) return range;
  if (step > 0) {
    range.start = std::clamp<int64_t>(start, 0, extent);
    end = std::clamp<int64_t>(end, 0, extent);
    if (end > range.start) range.count = 1 + (end - range.start - 1) / step;
  } else {
    range.start = std::clamp<int64_t>(start, 0, extent - 1);
    end = std::clamp<int64_t>(end, -1, extent - 1);
    if (end < range.start) range.count = 1 + (range.start - end - 1) / -step;
  }
  return range;
}

/// The four integer lists of a Slice.
struct Bounds {
  std::vector<int64_t> starts, ends, axes, steps;
};

/// One range per axis of `shape`; `shape`'s axes that are not named keep their whole extent.
Result<std::vector<SliceRange>> Resolve(const Shape& shape, Bounds bounds) {
  const size_t count = bounds.starts.size();
  if (bounds.axes.empty()) {
    for (size_t i = 0; i < count; ++i) bounds.axes.push_back(static_cast<int64_t>(i));
  }
  if (bounds.steps.empty()) bounds.steps.assign(count, 1);
  if (bounds.ends.size() != count || bounds.axes.size() != count || bounds.steps.size() != count) {
    return Error("its starts, ends, axes and steps are of different lengths");
  }
  std::vector<SliceRange> ranges;
  for (const int64_t extent : shape) ranges.push_back({0, 1, extent});
  DEFTNN_ASSIGN_OR_RETURN(const std::vector<int> axes, ResolveAxes(bounds.axes, shape.size()));
  for (size_t i = 0; i < count; ++i) {
    if (bounds.steps[i] == 0) return Error("its step along axis {} is 0", axes[i]);
    ranges[axes[i]] = RangeOf(shape[axes[i]], bounds.starts[i], bounds.ends[i], bounds.steps[i]);
  }
  return ranges;
}

Status Infer(InferContext& context) {
  DEFTNN_RETURN_IF_ERROR(CheckMovable(context));
  if (!context.has_input(1) || !context.has_input(2)) return Error("Slice needs starts and ends");
  Bounds bounds;
  DEFTNN_ASSIGN_OR_RETURN(bounds.starts, context.IntsInput(1, "starts"));
  DEFTNN_ASSIGN_OR_RETURN(bounds.ends, context.IntsInput(2, "ends"));
  DEFTNN_ASSIGN_OR_RETURN(bounds.axes, context.IntsInput(3, "axes"));
  DEFTNN_ASSIGN_OR_RETURN(bounds.steps, context.IntsInput(4, "steps"));
  DEFTNN_ASSIGN_OR_RETURN(const std::vector<SliceRange> ranges,
                          Resolve(context.shape(0), std::move(bounds)));
  Shape out;
  for (const SliceRange& range : ranges) out.push_back(range.count);
  context.SetOutput(0, context.type(0), std::move(out));
  return {};
}

/// `input(i)` gives tensor i or null.
template <typename Input>
SliceLists ListsFrom(Input input) {
  SliceLists lists = {};
  for (size_t i = 0; i < lists.size(); ++i) lists[i] = input(i + 1);
  return lists;
}

Status Evaluate(EvaluateContext& context) {
  if (context.output(0).size() == 0) return {};
  const Tensor& in = context.input(0);
  const auto input = [&](size_t i) { return context.has_input(i) ? &context.input(i) : nullptr; };
  DEFTNN_ASSIGN_OR_RETURN(const std::vector<SliceRange> ranges,
                          ReadSlice(in.shape(), ListsFrom(input)));
  const std::vector<int64_t> strides = RowMajorStrides(in.shape());
  Offsets offsets(ranges.size());
  for (size_t axis = 0; axis < ranges.size(); ++axis) {
    for (int64_t i = 0; i < ranges[axis].count; ++i) {
      offsets[axis].push_back((ranges[axis].start + i * ranges[axis].step) * strides[axis]);
    }
  }
  MoveByOffsets(in, offsets, context.output(0));
  return {};
}

/// Channels pass where their axis is kept whole, whatever its extent.
void Channels(ChannelContext& context) {
  const int labelled = context.input(0).axis;
  for (size_t i = 1; i < context.num_inputs(); ++i) {
    if (context.node().has_input(i) && !context.is_constant(i)) return context.End();
  }
  if (labelled < 0) return context.End();
  const auto input = [&](size_t i) {
    return context.is_constant(i) ? &context.constant(i) : nullptr;
  };
  // A shorter axis, as after a cut, must be kept whole as well.
  Shape shorter = context.input_shape(0);
  const int64_t extent = shorter[labelled];
  shorter[labelled] = 1;
  for (const Shape& shape : {context.input_shape(0), shorter}) {
    const auto ranges = ReadSlice(shape, ListsFrom(input));
    if (!ranges.ok()) return context.End();
    const SliceRange& range = (*ranges)[labelled];
    if (range.start != 0 || range.step != 1 || range.count != shape[labelled]) {
      return context.End();
    }
  }
  DEFTNN_CHECK(extent == static_cast<int64_t>(context.input(0).labels.size()));
  context.SetOutput(0, context.input(0));
}

}  // namespace

Result<std::vector<SliceRange>> ReadSlice(const Shape& shape, const SliceLists& lists) {
  Bounds bounds;
  std::vector<int64_t>* const read[] = {&bounds.starts, &bounds.ends, &bounds.axes, &bounds.steps};
  for (size_t i = 0; i < lists.size(); ++i) {
    if (lists[i] == nullptr) continue;
    DEFTNN_ASSIGN_OR_RETURN(*read[i], ToInt64Vector(*lists[i]));
  }
  return Resolve(shape, std::move(bounds));
}

extern const OpDef kSliceOp;
constinit const OpDef kSliceOp = {.name = "Slice",
                                  .max_inputs = 5,
                                  .normalise = &Normalise,
                                  .infer = &Infer,
                                  .evaluate = &Evaluate,
                                  .channels = &Channels};

}  // namespace deftnn
