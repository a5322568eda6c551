// OneHot: a new axis of extent `depth` that holds values[1] where the index points and values[0]
// elsewhere. A negative index counts from the end; one out of range points nowhere.
#include <cstring>

#include "deftnn/ops/axes.h"
#include "deftnn/ops/numeric.h"

namespace deftnn {
namespace {

constexpr int64_t kLargestDepth = int64_t{1} << 31;

// Indices and depth may be of any number type; what is not finite becomes a limit or 0.
std::vector<int64_t> ReadIntegers(const Tensor& tensor) {
  std::vector<int64_t> integers;
  VisitNumber(tensor.type(), [&](auto sample) {
    using T = decltype(sample);
    for (const T value : tensor.values<T>()) {
      if constexpr (std::is_floating_point_v<T> || std::is_same_v<T, uint64_t>) {
        integers.push_back(SaturatingCast<int64_t>(static_cast<double>(value)));
      } else {
        integers.push_back(static_cast<int64_t>(value));
      }
    }
  });
  return integers;
}

Status Infer(InferContext& context) {
  DEFTNN_RETURN_IF_ERROR(CheckNumber(context, 0));
  DEFTNN_RETURN_IF_ERROR(CheckNumber(context, 1));
  const Tensor* depth_tensor = context.constant(1);
  if (depth_tensor == nullptr) {
    return Error("its depth is computed from the data, which is not supported")
        .WithHint("export the model with constant shapes");
  }
  const std::vector<int64_t> depth = ReadIntegers(*depth_tensor);
  if (depth.size() != 1 || depth[0] < 1 || depth[0] > kLargestDepth) {
    return Error("the depth must be one number in 1 ... {}", kLargestDepth);
  }
  if (context.shape(2) != Shape{2} || BitsOf(context.type(2)) < 8) {
    return Error("values must be two numbers, off and on; got {} {}", NameOf(context.type(2)),
                 ToString(context.shape(2)));
  }
  Shape shape = context.shape(0);
  DEFTNN_ASSIGN_OR_RETURN(const int axis,
                          ResolveAxis(context.node().Int("axis", -1), shape.size() + 1));
  shape.insert(shape.begin() + axis, depth[0]);
  context.SetOutput(0, context.type(2), std::move(shape));
  return {};
}

Status Evaluate(EvaluateContext& context) {
  const std::vector<int64_t> indices = ReadIntegers(context.input(0));
  Tensor& y = context.output(0);
  DEFTNN_ASSIGN_OR_RETURN(const int axis,
                          ResolveAxis(context.node().Int("axis", -1), y.shape().size()));
  const AxisSplit split = SplitAround(y.shape(), axis, axis + 1);
  const size_t bytes = static_cast<size_t>(BitsOf(y.type()) / 8);
  const std::byte* values = context.input(2).data();
  std::byte* out = y.mutable_data();
  for (int64_t i = 0; i < y.size(); ++i) {
    const int64_t position = i / split.inner % split.extent;
    const int64_t at = i / split.inner / split.extent * split.inner + i % split.inner;
    const bool on = indices[at] == position || indices[at] == position - split.extent;
    std::memcpy(out + static_cast<size_t>(i) * bytes, values + (on ? bytes : 0), bytes);
  }
  return {};
}

}  // namespace

extern const OpDef kOneHotOp;
constinit const OpDef kOneHotOp = {
    .name = "OneHot", .min_inputs = 3, .max_inputs = 3, .infer = &Infer, .evaluate = &Evaluate};

}  // namespace deftnn
