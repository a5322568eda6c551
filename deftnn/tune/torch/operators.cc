#include "deftnn/tune/torch/operators.h"

#include <ATen/Functions.h>
#include <ATen/TensorOperators.h>

#include <limits>
#include <numeric>

#include "deftnn/ops/axes.h"
#include "deftnn/ops/pool.h"
#include "deftnn/ops/reduce.h"
#include "deftnn/ops/softmax.h"

namespace deftnn::torch_engine {
namespace {

using Outputs = Result<std::vector<at::Tensor>>;

Outputs One(at::Tensor y) { return std::vector<at::Tensor>{std::move(y)}; }

int64_t AxisOf(const OperatorCall& call, int64_t fallback, size_t rank) {
  const int64_t axis = call.node.Int("axis", fallback);
  return axis < 0 ? axis + static_cast<int64_t>(rank) : axis;
}

// Element by element.
Outputs ApplyRelu(const OperatorCall& call) { return One(at::relu(call.inputs[0])); }
Outputs ApplySigmoid(const OperatorCall& call) { return One(at::sigmoid(call.inputs[0])); }
Outputs ApplyHardSwish(const OperatorCall& call) { return One(at::hardswish(call.inputs[0])); }
Outputs ApplyTanh(const OperatorCall& call) { return One(at::tanh(call.inputs[0])); }
Outputs ApplyAbs(const OperatorCall& call) { return One(at::abs(call.inputs[0])); }
Outputs ApplyNeg(const OperatorCall& call) { return One(at::neg(call.inputs[0])); }
Outputs ApplyErf(const OperatorCall& call) { return One(at::erf(call.inputs[0])); }
Outputs ApplyExp(const OperatorCall& call) { return One(at::exp(call.inputs[0])); }
Outputs ApplySqrt(const OperatorCall& call) { return One(at::sqrt(call.inputs[0])); }
Outputs ApplyReciprocal(const OperatorCall& call) { return One(at::reciprocal(call.inputs[0])); }
Outputs ApplyLeakyRelu(const OperatorCall& call) {
  return One(at::leaky_relu(call.inputs[0], call.node.Float("alpha", 0.01f)));
}
Outputs ApplyHardSigmoid(const OperatorCall& call) {
  const float alpha = call.node.Float("alpha", 0.2f), beta = call.node.Float("beta", 0.5f);
  return One(at::clamp(call.inputs[0] * alpha + beta, 0, 1));
}
Outputs ApplyGelu(const OperatorCall& call) {
  return One(at::gelu(call.inputs[0], call.node.String("approximate", "none")));
}
Outputs ApplyClip(const OperatorCall& call) {
  at::Tensor y = call.inputs[0];
  if (call.has(1)) y = at::maximum(y, call.inputs[1].reshape({}));
  if (call.has(2)) y = at::minimum(y, call.inputs[2].reshape({}));
  return One(y);
}
Outputs ApplyPRelu(const OperatorCall& call) {
  const at::Tensor& x = call.inputs[0];
  return One(at::where(x < 0, x * call.inputs[1], x));
}

// Of two or more inputs.
template <typename Combine>
Outputs Fold(const OperatorCall& call, Combine combine) {
  at::Tensor y = call.inputs[0];
  for (size_t i = 1; i < call.inputs.size(); ++i) y = combine(y, call.inputs[i]);
  return One(y);
}
using Pair = const at::Tensor&;
Outputs ApplyAdd(const OperatorCall& call) {
  return Fold(call, [](Pair a, Pair b) { return a + b; });
}
Outputs ApplySum(const OperatorCall& call) { return ApplyAdd(call); }
Outputs ApplySub(const OperatorCall& call) {
  return Fold(call, [](Pair a, Pair b) { return a - b; });
}
Outputs ApplyMul(const OperatorCall& call) {
  return Fold(call, [](Pair a, Pair b) { return a * b; });
}
Outputs ApplyDiv(const OperatorCall& call) {
  return Fold(call, [](Pair a, Pair b) { return a / b; });
}
Outputs ApplyPow(const OperatorCall& call) {
  return Fold(call, [](Pair a, Pair b) { return at::pow(a, b); });
}
Outputs ApplyMax(const OperatorCall& call) {
  return Fold(call, [](Pair a, Pair b) { return at::maximum(a, b); });
}
Outputs ApplyMin(const OperatorCall& call) {
  return Fold(call, [](Pair a, Pair b) { return at::minimum(a, b); });
}
Outputs ApplyMatMul(const OperatorCall& call) {
  return Fold(call, [](Pair a, Pair b) { return at::matmul(a, b); });
}

template <bool logarithm>
Outputs ApplySoftmax(const OperatorCall& call) {
  const Shape& shape = call.input_infos[0]->shape;
  DEFTNN_ASSIGN_OR_RETURN(const SoftmaxAxes axes, SoftmaxAxes::Read(call.node, shape));
  const AxisSplit split = axes.Split(shape);
  const at::Tensor rows = call.inputs[0].reshape({split.outer, split.extent, split.inner});
  return One((logarithm ? at::log_softmax(rows, 1) : at::softmax(rows, 1)).reshape(shape));
}

// The input as N x C x h x w, padded (or cut) so that windows without padding give the outputs.
at::Tensor PaddedForPool(const at::Tensor& x, const Plane& p, double value) {
  const int64_t bottom =
      (p.out_h - 1) * p.stride_h + (p.kernel_h - 1) * p.dilation_h + 1 - p.in_h - p.pad_h;
  const int64_t right =
      (p.out_w - 1) * p.stride_w + (p.kernel_w - 1) * p.dilation_w + 1 - p.in_w - p.pad_w;
  const at::Tensor plane = x.dim() == 3 ? x.unsqueeze(2) : x;
  if (p.pad_h == 0 && p.pad_w == 0 && bottom <= 0 && right <= 0) return plane;
  return at::constant_pad_nd(plane, {p.pad_w, right, p.pad_h, bottom}, value);
}

Outputs ApplyMaxPool(const OperatorCall& call) {
  if (call.node.outputs.size() > 1) return Error("its indices are not made when training");
  const Shape& shape = call.input_infos[0]->shape;
  DEFTNN_ASSIGN_OR_RETURN(const PoolAttributes pool, PoolAttributes::Read(call.node, shape));
  const Plane p = MakePlane(pool.window, shape);
  const at::Tensor x = PaddedForPool(call.inputs[0], p, -std::numeric_limits<double>::infinity());
  return One(at::max_pool2d(x, {p.kernel_h, p.kernel_w}, {p.stride_h, p.stride_w}, 0,
                            {p.dilation_h, p.dilation_w})
                 .reshape(call.output_shape()));
}

Outputs ApplyAveragePool(const OperatorCall& call) {
  const Shape& shape = call.input_infos[0]->shape;
  DEFTNN_ASSIGN_OR_RETURN(const PoolAttributes pool, PoolAttributes::Read(call.node, shape));
  const Plane p = MakePlane(pool.window, shape);
  if (p.dilation_h != 1 || p.dilation_w != 1) return Error("its windows are dilated");
  const auto sums = [&](const at::Tensor& x) {
    return at::avg_pool2d(x, {p.kernel_h, p.kernel_w}, {p.stride_h, p.stride_w}, 0, false, true, 1);
  };
  at::Tensor counted = at::ones({1, 1, p.in_h, p.in_w});
  Plane frame = p;
  if (pool.count_include_pad) {
    const int64_t bottom = pool.window.axes() == 1 ? 0 : pool.window.pads_end[0];
    counted =
        at::ones({1, 1, p.in_h + p.pad_h + bottom, p.in_w + p.pad_w + pool.window.pads_end.back()});
    frame.in_h = counted.size(2);
    frame.in_w = counted.size(3);
    frame.pad_h = frame.pad_w = 0;
  }
  const at::Tensor counts = sums(PaddedForPool(counted, frame, 0)).clamp_min(1);
  return One((sums(PaddedForPool(call.inputs[0], p, 0)) / counts).reshape(call.output_shape()));
}

// The axes of N x C x spatial that a global pool folds.
std::vector<int64_t> SpatialAxes(const at::Tensor& x) {
  std::vector<int64_t> axes(x.dim() - 2);
  std::iota(axes.begin(), axes.end(), 2);
  return axes;
}
Outputs ApplyGlobalMaxPool(const OperatorCall& call) {
  return One(at::amax(call.inputs[0], SpatialAxes(call.inputs[0]), true));
}
Outputs ApplyGlobalAveragePool(const OperatorCall& call) {
  return One(at::mean(call.inputs[0], SpatialAxes(call.inputs[0]), true));
}

template <typename Reduction>
Outputs Reduced(const OperatorCall& call, Reduction reduction) {
  DEFTNN_ASSIGN_OR_RETURN(const std::vector<int64_t> stated, call.Ints(1));
  DEFTNN_ASSIGN_OR_RETURN(const ReduceAxes axes,
                          ReduceAxes::Read(call.node, stated, call.inputs[0].dim()));
  std::vector<int64_t> folded;
  for (size_t a = 0; a < axes.reduced.size(); ++a)
    if (axes.reduced[a]) folded.push_back(static_cast<int64_t>(a));
  if (folded.empty()) return One(call.inputs[0]);
  return One(reduction(call.inputs[0], folded).reshape(call.output_shape()));
}
Outputs ApplyReduceMax(const OperatorCall& call) {
  return Reduced(call, [](Pair x, const auto& axes) { return at::amax(x, axes, true); });
}
Outputs ApplyReduceMean(const OperatorCall& call) {
  return Reduced(call, [](Pair x, const auto& axes) { return at::mean(x, axes, true); });
}
Outputs ApplyReduceSum(const OperatorCall& call) {
  return Reduced(call, [](Pair x, const auto& axes) { return at::sum(x, axes, true); });
}

// Movement.
Outputs ApplyReshape(const OperatorCall& call) {
  return One(call.inputs[0].reshape(call.output_shape()));
}
Outputs ApplyExpand(const OperatorCall& call) {
  return One(call.inputs[0].expand(call.output_shape()));
}
Outputs ApplyConcat(const OperatorCall& call) {
  return One(at::cat(call.inputs, AxisOf(call, 0, call.output_shape().size())));
}
Outputs ApplySplit(const OperatorCall& call) {
  const int64_t axis = AxisOf(call, 0, call.output_shape().size());
  std::vector<int64_t> sizes;
  for (size_t i = 0; i < call.output_infos.size(); ++i) sizes.push_back(call.output_shape(i)[axis]);
  return at::split_with_sizes(call.inputs[0], sizes, axis);
}
Outputs ApplySlice(const OperatorCall& call) {
  DEFTNN_ASSIGN_OR_RETURN(const std::vector<int64_t> starts, call.Ints(1));
  DEFTNN_ASSIGN_OR_RETURN(const std::vector<int64_t> ends, call.Ints(2));
  DEFTNN_ASSIGN_OR_RETURN(std::vector<int64_t> axes, call.Ints(3));
  DEFTNN_ASSIGN_OR_RETURN(std::vector<int64_t> steps, call.Ints(4));
  if (axes.empty()) {
    axes.resize(starts.size());
    std::iota(axes.begin(), axes.end(), 0);
  }
  if (steps.empty()) steps.assign(starts.size(), 1);
  at::Tensor y = call.inputs[0];
  for (size_t i = 0; i < starts.size(); ++i) {
    if (steps[i] < 1) return Error("it steps backwards");
    y = at::slice(y, axes[i], starts[i], ends[i], steps[i]);
  }
  return One(y);
}
Outputs ApplyPad(const OperatorCall& call) {
  if (call.node.String("mode", "constant") != "constant") return Error("it pads by no constant");
  DEFTNN_ASSIGN_OR_RETURN(const std::vector<int64_t> pads, call.Ints(1));
  DEFTNN_ASSIGN_OR_RETURN(std::vector<int64_t> axes, call.Ints(3));
  const int64_t rank = call.inputs[0].dim();
  if (axes.empty()) {
    axes.resize(rank);
    std::iota(axes.begin(), axes.end(), 0);
  }
  // LibTorch lists the last axis first.
  std::vector<int64_t> reversed(2 * rank, 0);
  for (size_t i = 0; i < axes.size(); ++i) {
    const int64_t from_end = rank - 1 - (axes[i] < 0 ? axes[i] + rank : axes[i]);
    reversed[2 * from_end] = pads[i];
    reversed[2 * from_end + 1] = pads[i + axes.size()];
  }
  const double value = call.has(2) ? call.inputs[2].reshape({}).item<float>() : 0.0;
  return One(at::constant_pad_nd(call.inputs[0], reversed, value));
}
Outputs ApplyTranspose(const OperatorCall& call) {
  std::vector<int64_t> order = call.node.Ints("perm");
  if (order.empty()) {
    order.resize(call.inputs[0].dim());
    std::iota(order.rbegin(), order.rend(), 0);
  }
  return One(call.inputs[0].permute(order));
}
Outputs ApplyGather(const OperatorCall& call) {
  if (call.plain[1] == nullptr) return Error("its indices are no integers");
  DEFTNN_ASSIGN_OR_RETURN(std::vector<int64_t> indices, ToInt64Vector(*call.plain[1]));
  const int64_t axis = AxisOf(call, 0, call.input_infos[0]->shape.size());
  const int64_t extent = call.input_infos[0]->shape[axis];
  for (int64_t& index : indices) index += index < 0 ? extent : 0;
  return One(
      at::index_select(call.inputs[0], axis, at::tensor(indices, at::TensorOptions(at::kLong)))
          .reshape(call.output_shape()));
}

struct Entry {
  std::string_view domain, name;
  Operator apply;
};
constexpr Entry kOperators[] = {
#define DEFTNN_TORCH_OP(domain, name, function) {domain, name, &function},
#include "deftnn/tune/torch/operators.inc"
#undef DEFTNN_TORCH_OP
};

}  // namespace

Result<std::vector<int64_t>> OperatorCall::Ints(size_t i) const {
  if (i >= input_infos.size() || input_infos[i] == nullptr) return std::vector<int64_t>{};
  if (input_infos[i]->constant.defined()) return ToInt64Vector(input_infos[i]->constant);
  if (plain[i] != nullptr) return ToInt64Vector(*plain[i]);
  return Error("its input {} is not known", i);
}

Operator FindOperator(const Node& node) {
  for (const Entry& entry : kOperators)
    if (entry.name == node.op && entry.domain == node.domain) return entry.apply;
  return nullptr;
}

}  // namespace deftnn::torch_engine
