// SynapseProduct and DepthwiseConv.
#include <ATen/Functions.h>
#include <ATen/TensorOperators.h>

#include <numeric>

#include "deftnn/ops/depthwise_conv.h"
#include "deftnn/ops/synapse_product.h"
#include "deftnn/tune/torch/gathered_conv.h"
#include "deftnn/tune/torch/operators.h"

namespace deftnn::torch_engine {
namespace {

at::Tensor Activate(const ActivationSpec& spec, const at::Tensor& x) {
  switch (spec.kind) {
    case Activation::kNone:
      return x;
    case Activation::kRelu:
      return at::relu(x);
    case Activation::kClip:
      return at::clamp(x, spec.alpha, spec.beta);
    case Activation::kLeakyRelu:
      return at::leaky_relu(x, spec.alpha);
    case Activation::kSigmoid:
      return at::sigmoid(x);
    case Activation::kHardSigmoid:
      return at::clamp(x * spec.alpha + spec.beta, 0, 1);
    case Activation::kHardSwish:
      return at::hardswish(x);
    case Activation::kTanh:
      return at::tanh(x);
    case Activation::kGelu:
      return at::gelu(x, "none");
    case Activation::kGeluTanh:
      return at::gelu(x, "tanh");
  }
  return x;
}

// As two spatial axes: a missing first one has extent one.
at::Tensor AsPlane(const at::Tensor& x) { return x.dim() == 3 ? x.unsqueeze(2) : x; }

// x with the padding that a symmetric one of a convolution cannot give.
at::Tensor Padded(const at::Tensor& x, const Window& window, Plane& p) {
  const int64_t bottom = window.axes() == 1 ? 0 : window.pads_end[0];
  const int64_t right = window.pads_end.back();
  if (bottom == p.pad_h && right == p.pad_w) return x;
  const at::Tensor padded = at::constant_pad_nd(x, {p.pad_w, right, p.pad_h, bottom}, 0);
  p.pad_h = p.pad_w = 0;
  return padded;
}

at::Tensor Convolve(const at::Tensor& x, const at::Tensor& weights, const Window& window, Plane p,
                    int64_t groups) {
  const at::Tensor padded = Padded(x, window, p);
  return at::conv2d(padded, weights, {}, {p.stride_h, p.stride_w}, {p.pad_h, p.pad_w},
                    {p.dilation_h, p.dilation_w}, groups);
}

// The channels that every kernel position keeps, where they are the same at each; else nothing.
std::optional<std::vector<int64_t>> CommonChannels(const std::vector<int64_t>& entries,
                                                   int64_t channels, int64_t positions) {
  const int64_t each = static_cast<int64_t>(entries.size()) / positions;
  if (each * positions != static_cast<int64_t>(entries.size())) return std::nullopt;
  for (int64_t i = 0; i < static_cast<int64_t>(entries.size()); ++i) {
    if (entries[i] != i / each * channels + entries[i % each]) return std::nullopt;
  }
  return std::vector<int64_t>(entries.begin(), entries.begin() + each);
}

at::Tensor Indices(const std::vector<int64_t>& values) {
  return at::tensor(values, at::TensorOptions(at::kLong));
}

// A convolution with fewer input channels: the kept ones of each group.
at::Tensor ChannelConv(const at::Tensor& x, const at::Tensor& weights,
                       const SynapseProduct& product, const std::vector<int64_t>& kept,
                       const Window& window, const Plane& p) {
  at::Tensor narrow = x;
  if (static_cast<int64_t>(kept.size()) < product.channels) {
    std::vector<int64_t> channels;
    for (int64_t g = 0; g < product.groups; ++g)
      for (const int64_t c : kept) channels.push_back(g * product.channels + c);
    narrow = at::index_select(x, 1, Indices(channels));
  }
  // [O, position, c] as [O, c, kh, kw].
  const int64_t each = static_cast<int64_t>(kept.size());
  const at::Tensor kernel = weights.view({weights.size(0), p.kernel_h, p.kernel_w, each})
                                .permute({0, 3, 1, 2})
                                .contiguous();
  return Convolve(narrow, kernel, window, p, product.groups);
}

// Entries that differ from position to position.
at::Tensor EntryConv(const at::Tensor& x, const at::Tensor& weights, const SynapseProduct& product,
                     std::vector<int64_t> entries, const Plane& p) {
  auto windows = c10::make_intrusive<Windows>();
  windows->plane = p;
  windows->channels = product.channels;
  windows->entries = std::move(entries);
  if (product.groups == 1) return GatheredConv(x, weights, windows);
  std::vector<at::Tensor> parts;
  const std::vector<at::Tensor> inputs = at::chunk(x, product.groups, 1);
  const std::vector<at::Tensor> kernels = at::chunk(weights, product.groups, 0);
  for (int64_t g = 0; g < product.groups; ++g)
    parts.push_back(GatheredConv(inputs[g], kernels[g], windows));
  return at::cat(parts, 1);
}

}  // namespace

Result<std::vector<at::Tensor>> ApplySynapseProduct(const OperatorCall& call) {
  DEFTNN_ASSIGN_OR_RETURN(const SynapseProduct product, SynapseProduct::Read(call.node));
  const at::Tensor& x = call.inputs[SynapseProduct::kX];
  const at::Tensor& weights = call.inputs[SynapseProduct::kW];
  std::vector<int64_t> entries =
      KeptEntries(*call.plain[SynapseProduct::kKept], product.group_size);
  const bool has_bias = call.has(SynapseProduct::kBias);
  at::Tensor y;
  if (product.kind == SynapseProduct::Kind::kMatmul) {
    const bool whole = static_cast<int64_t>(entries.size()) == product.channels;
    y = at::linear(
        whole ? x : at::index_select(x, -1, Indices(entries)), weights,
        has_bias ? c10::optional<at::Tensor>(call.inputs[SynapseProduct::kBias]) : c10::nullopt);
  } else {
    const Shape& shape = call.input_infos[SynapseProduct::kX]->shape;
    DEFTNN_ASSIGN_OR_RETURN(const Window window,
                            ResolveWindow(call.node, {shape.begin() + 2, shape.end()}));
    const Plane plane = MakePlane(window, shape);
    const auto channels =
        CommonChannels(entries, product.channels, plane.kernel_h * plane.kernel_w);
    const at::Tensor planes = AsPlane(x);
    y = channels ? ChannelConv(planes, weights, product, *channels, window, plane)
                 : EntryConv(planes, weights, product, std::move(entries), plane);
    if (has_bias) y = y + call.inputs[SynapseProduct::kBias].view({1, -1, 1, 1});
    y = y.reshape(call.output_shape());
  }
  if (call.has(SynapseProduct::kResidual)) y = y + call.inputs[SynapseProduct::kResidual];
  return std::vector<at::Tensor>{Activate(product.activation, y)};
}

Result<std::vector<at::Tensor>> ApplyDepthwiseConv(const OperatorCall& call) {
  const Shape& shape = call.input_infos[DepthwiseConv::kX]->shape;
  DEFTNN_ASSIGN_OR_RETURN(
      const DepthwiseConv conv,
      DepthwiseConv::Read(call.node, shape, call.input_infos[DepthwiseConv::kW]->shape));
  const Plane plane = MakePlane(conv.window, shape);
  const at::Tensor kernel =
      call.inputs[DepthwiseConv::kW].view({shape[1], 1, plane.kernel_h, plane.kernel_w});
  at::Tensor y =
      Convolve(AsPlane(call.inputs[DepthwiseConv::kX]), kernel, conv.window, plane, shape[1]);
  if (call.has(DepthwiseConv::kBias)) y = y + call.inputs[DepthwiseConv::kBias].view({1, -1, 1, 1});
  return std::vector<at::Tensor>{Activate(conv.activation, y.reshape(call.output_shape()))};
}

}  // namespace deftnn::torch_engine
