// Conv: y[n, o, p] = b[o] + sum over c, k of w[o, c, k] * x[n, group(o) * C + c, p * stride + k *
// dilation - pad].
#include "deftnn/ops/conv.h"

#include "deftnn/ops/numeric.h"

namespace deftnn {
namespace {

Status Infer(InferContext& context) {
  DEFTNN_RETURN_IF_ERROR(CheckFloat(context, 0));
  DEFTNN_RETURN_IF_ERROR(CheckSameType(context, 1));
  DEFTNN_RETURN_IF_ERROR(CheckSameType(context, 2));
  DEFTNN_ASSIGN_OR_RETURN(const ConvAttributes conv,
                          ConvAttributes::Read(context.node(), context.shape(0), context.shape(1)));
  if (context.has_input(2) && context.shape(2) != Shape{conv.outputs}) {
    return Error("the bias has shape {} for {} outputs", ToString(context.shape(2)), conv.outputs);
  }
  context.SetOutput(0, context.type(0), conv.OutputShape(context.shape(0)[0]));
  return {};
}

// The sum for one output position: `x` is the first channel plane of the group, `w` the filter.
template <typename T>
double SumWindow(const Plane& p, int64_t channels, const T* x, const T* w, int64_t row,
                 int64_t column) {
  double sum = 0;
  for (int64_t c = 0; c < channels; ++c) {
    for (int64_t kh = 0; kh < p.kernel_h; ++kh) {
      const int64_t h = row * p.stride_h - p.pad_h + kh * p.dilation_h;
      if (h < 0 || h >= p.in_h) continue;
      for (int64_t kw = 0; kw < p.kernel_w; ++kw) {
        const int64_t v = column * p.stride_w - p.pad_w + kw * p.dilation_w;
        if (v < 0 || v >= p.in_w) continue;
        sum += double{x[(c * p.in_h + h) * p.in_w + v]} *
               double{w[(c * p.kernel_h + kh) * p.kernel_w + kw]};
      }
    }
  }
  return sum;
}

template <typename T>
void Convolve(const ConvAttributes& conv, const Tensor& x, const Tensor& w, const Tensor* bias,
              Tensor& y) {
  const Plane p = MakePlane(conv.window, x.shape());
  const T* in = x.values<T>().data();
  const T* filters = w.values<T>().data();
  T* out = y.mutable_values<T>().data();
  const int64_t filter_size = conv.channels * p.kernel_h * p.kernel_w;
  for (int64_t n = 0; n < x.dim(0); ++n) {
    for (int64_t o = 0; o < conv.outputs; ++o) {
      const int64_t group = n * conv.groups + o / (conv.outputs / conv.groups);
      const T* first = in + group * conv.channels * p.in_h * p.in_w;
      const double start = bias == nullptr ? 0.0 : double{bias->values<T>()[o]};
      for (int64_t h = 0; h < p.out_h; ++h) {
        for (int64_t v = 0; v < p.out_w; ++v) {
          *out++ = static_cast<T>(
              start + SumWindow(p, conv.channels, first, filters + o * filter_size, h, v));
        }
      }
    }
  }
}

Status Evaluate(EvaluateContext& context) {
  const Tensor& x = context.input(0);
  const Tensor& w = context.input(1);
  DEFTNN_ASSIGN_OR_RETURN(const ConvAttributes conv,
                          ConvAttributes::Read(context.node(), x.shape(), w.shape()));
  VisitFloat(x.type(), [&](auto sample) {
    Convolve<decltype(sample)>(conv, x, w, context.has_input(2) ? &context.input(2) : nullptr,
                               context.output(0));
  });
  return {};
}

// A depthwise convolution with one output per channel keeps each channel apart from the others.
void Channels(ChannelContext& context) {
  const auto conv =
      ConvAttributes::Read(context.node(), context.input_shape(0), context.input_shape(1));
  const ChannelLabels& x = context.input(0);
  const bool has_bias = context.node().has_input(2);
  if (!conv.ok() || !conv->depthwise() || conv->outputs != conv->groups || x.axis != 1 ||
      !context.is_constant(1) || (has_bias && !context.is_constant(2))) {
    return context.End();
  }
  context.LabelConstant(1, {0, x.labels});
  if (has_bias) context.LabelConstant(2, {0, x.labels});
  context.SetOutput(0, x);
}

}  // namespace

Shape ConvAttributes::OutputShape(int64_t n) const {
  Shape shape{n, outputs};
  shape.insert(shape.end(), window.output.begin(), window.output.end());
  return shape;
}

Result<ConvAttributes> ConvAttributes::Read(const Node& node, const Shape& x, const Shape& w) {
  if (x.size() < 3 || x.size() > 4) {
    return Error("convolution has one or two spatial axes here, got inputs of shape {}",
                 ToString(x));
  }
  if (w.size() != x.size()) {
    return Error("the weights' rank is not the inputs': {} and {}", ToString(w), ToString(x));
  }
  ConvAttributes conv;
  conv.groups = node.Int("group", 1);
  conv.channels = w[1];
  conv.outputs = w[0];
  if (conv.groups < 1 || x[1] % conv.groups != 0 || x[1] / conv.groups != conv.channels) {
    return Error("{} input channels in {} groups don't fit weights of shape {}", x[1], conv.groups,
                 ToString(w));
  }
  if (conv.outputs % conv.groups != 0) {
    return Error("{} output channels in {} groups", conv.outputs, conv.groups);
  }
  const std::vector<int64_t> kernel(w.begin() + 2, w.end());
  const std::vector<int64_t> stated = node.Ints("kernel_shape", kernel);
  if (stated != kernel) {
    return Error("kernel_shape is {}, the weights' is {}", ToString(stated), ToString(kernel));
  }
  DEFTNN_ASSIGN_OR_RETURN(conv.window, ResolveWindow(node, {x.begin() + 2, x.end()}, kernel));
  return conv;
}

extern const OpDef kConvOp;
constinit const OpDef kConvOp = {.name = "Conv",
                                 .min_inputs = 2,
                                 .max_inputs = 3,
                                 .infer = &Infer,
                                 .evaluate = &Evaluate,
                                 .channels = &Channels};

}  // namespace deftnn
