#include "deftnn/ops/depthwise_conv.h"

#include "deftnn/ops/synapse_product.h"

namespace deftnn {
namespace {

using Input = DepthwiseConv::Input;

Status Infer(InferContext& context) {
  const Shape& x = context.shape(Input::kX);
  const Shape& w = context.shape(Input::kW);
  if (context.type(Input::kX) != ElementType::kFloat32) {
    return Error("X must be float32, got {}", NameOf(context.type(Input::kX)));
  }
  DEFTNN_ASSIGN_OR_RETURN(const DepthwiseConv conv, DepthwiseConv::Read(context.node(), x, w));
  if (context.has_input(Input::kBias) && context.shape(Input::kBias) != Shape{w[0]}) {
    return Error("the bias must have {} entries", w[0]);
  }
  Shape y{x[0], x[1]};
  y.insert(y.end(), conv.window.output.begin(), conv.window.output.end());
  context.SetOutput(0, ElementType::kFloat32, std::move(y));
  return {};
}

double SumWindow(const Plane& p, const float* x, const float* w, int64_t row, int64_t column) {
  double sum = 0;
  for (int64_t kh = 0; kh < p.kernel_h; ++kh) {
    const int64_t h = row * p.stride_h - p.pad_h + kh * p.dilation_h;
    if (h < 0 || h >= p.in_h) continue;
    for (int64_t kw = 0; kw < p.kernel_w; ++kw) {
      const int64_t v = column * p.stride_w - p.pad_w + kw * p.dilation_w;
      if (v < 0 || v >= p.in_w) continue;
      sum += double{x[h * p.in_w + v]} * w[kh * p.kernel_w + kw];
    }
  }
  return sum;
}

Status Evaluate(EvaluateContext& context) {
  const Tensor& x = context.input(Input::kX);
  DEFTNN_ASSIGN_OR_RETURN(const Tensor weights, ToFloat32(context.input(Input::kW)));
  DEFTNN_ASSIGN_OR_RETURN(const DepthwiseConv conv,
                          DepthwiseConv::Read(context.node(), x.shape(), weights.shape()));
  const Plane p = MakePlane(conv.window, x.shape());
  const float* in = x.values<float>().data();
  const float* w = weights.values<float>().data();
  std::span<const float> bias;
  if (context.has_input(Input::kBias)) bias = context.input(Input::kBias).values<float>();
  float* out = context.output(0).mutable_values<float>().data();
  for (int64_t n = 0; n < x.dim(0); ++n) {
    for (int64_t c = 0; c < x.dim(1); ++c, in += p.in_h * p.in_w) {
      const double start = bias.empty() ? 0.0 : double{bias[c]};
      for (int64_t h = 0; h < p.out_h; ++h) {
        for (int64_t v = 0; v < p.out_w; ++v) {
          const double sum = start + SumWindow(p, in, w + c * p.kernel_h * p.kernel_w, h, v);
          *out++ = Activate(conv.activation, static_cast<float>(sum));
        }
      }
    }
  }
  return {};
}

void Channels(ChannelContext& context) {
  const ChannelLabels& x = context.input(Input::kX);
  const bool has_bias = context.node().has_input(Input::kBias);
  if (x.axis != 1 || !context.is_constant(Input::kW) ||
      (has_bias && !context.is_constant(Input::kBias))) {
    return context.End();
  }
  context.LabelConstant(Input::kW, {0, x.labels});
  if (has_bias) context.LabelConstant(Input::kBias, {0, x.labels});
  context.SetOutput(0, x);
}

}  // namespace

Result<DepthwiseConv> DepthwiseConv::Read(const Node& node, const Shape& x, const Shape& w) {
  if (x.size() < 3 || x.size() > 4) {
    return Error("expected N x C x spatial inputs, got {}", ToString(x));
  }
  if (w.size() != x.size() || w[0] != x[1] || w[1] != 1) {
    return Error("weights of shape {} do not fit inputs of shape {}", ToString(w), ToString(x));
  }
  const std::vector<int64_t> kernel(w.begin() + 2, w.end());
  if (node.Ints("kernel_shape") != kernel) {
    return Error("kernel_shape is {}, the weights' is {}", ToString(node.Ints("kernel_shape")),
                 ToString(kernel));
  }
  DepthwiseConv conv;
  DEFTNN_ASSIGN_OR_RETURN(conv.activation, SynapseProduct::GetActivation(node));
  DEFTNN_ASSIGN_OR_RETURN(conv.window, ResolveWindow(node, {x.begin() + 2, x.end()}));
  return conv;
}

extern const OpDef kDepthwiseConvOp;
constinit const OpDef kDepthwiseConvOp = {.name = kDepthwiseConv,
                                          .domain = kDeftnnDomain,
                                          .min_inputs = 2,
                                          .max_inputs = 3,
                                          .infer = &Infer,
                                          .evaluate = &Evaluate,
                                          .channels = &Channels};

}  // namespace deftnn
