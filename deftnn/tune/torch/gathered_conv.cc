#include "deftnn/tune/torch/gathered_conv.h"

#include <ATen/Functions.h>
#include <ATen/Parallel.h>
#include <torch/csrc/autograd/custom_function.h>

#include <algorithm>
#include <cstring>

namespace deftnn::torch_engine {
namespace {

constexpr int64_t kColumnBytes = int64_t{32} << 20;  // of one chunk of samples

// Output positions [low, high) whose input position at + i * stride lies in [0, extent).
struct Span {
  int64_t low, high;
};
Span Inside(int64_t at, int64_t stride, int64_t extent, int64_t outputs) {
  const int64_t low = at >= 0 ? 0 : (-at + stride - 1) / stride;
  const int64_t high = at >= extent ? 0 : (extent - at + stride - 1) / stride;
  return {std::min(low, outputs), std::clamp(high, std::min(low, outputs), outputs)};
}

// Calls run(row of the input, first output position, its first input, count) for each output row
// that entry `k` reads: element i of the run is input row[first + i * stride_w].
template <typename Run>
void ForEachRun(const Windows& windows, int64_t k, Run run) {
  const Plane& p = windows.plane;
  const int64_t position = k / windows.channels, c = k % windows.channels;
  const int64_t top = position / p.kernel_w * p.dilation_h - p.pad_h;
  const int64_t left = position % p.kernel_w * p.dilation_w - p.pad_w;
  const Span columns = Inside(left, p.stride_w, p.in_w, p.out_w);
  if (columns.low == columns.high) return;
  const Span rows = Inside(top, p.stride_h, p.in_h, p.out_h);
  for (int64_t oh = rows.low; oh < rows.high; ++oh) {
    run((c * p.in_h + top + oh * p.stride_h) * p.in_w + left + columns.low * p.stride_w,
        oh * p.out_w + columns.low, columns.high - columns.low);
  }
}

int64_t OutPlane(const Windows& windows) { return windows.plane.out_h * windows.plane.out_w; }
int64_t InSample(const Windows& windows) {
  return windows.channels * windows.plane.in_h * windows.plane.in_w;
}

// Columns [kept x count * out_plane] of `count` samples.
at::Tensor Gather(const Windows& windows, const float* x, int64_t count) {
  const int64_t kept = static_cast<int64_t>(windows.entries.size()), out = OutPlane(windows);
  at::Tensor columns = at::zeros({kept, count * out});
  float* to = columns.data_ptr<float>();
  const int64_t stride = windows.plane.stride_w;
  at::parallel_for(0, kept, 1, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      for (int64_t n = 0; n < count; ++n) {
        const float* from = x + n * InSample(windows);
        float* row = to + (i * count + n) * out;
        ForEachRun(windows, windows.entries[i], [&](int64_t source, int64_t at, int64_t length) {
          for (int64_t j = 0; j < length; ++j) row[at + j] = from[source + j * stride];
        });
      }
    }
  });
  return columns;
}

// The transpose of Gather: adds columns to where they came from.
void Scatter(const Windows& windows, const at::Tensor& columns, float* x, int64_t count) {
  const int64_t kept = static_cast<int64_t>(windows.entries.size()), out = OutPlane(windows);
  const float* from = columns.data_ptr<float>();
  const int64_t stride = windows.plane.stride_w;
  at::parallel_for(0, count, 1, [&](int64_t begin, int64_t end) {
    for (int64_t n = begin; n < end; ++n) {
      float* to = x + n * InSample(windows);
      for (int64_t i = 0; i < kept; ++i) {
        const float* row = from + (i * count + n) * out;
        ForEachRun(windows, windows.entries[i], [&](int64_t target, int64_t at, int64_t length) {
          for (int64_t j = 0; j < length; ++j) to[target + j * stride] += row[at + j];
        });
      }
    }
  });
}

// Between N x O x out_plane and O x N * out_plane.
void SwapToRows(const float* y, float* rows, int64_t count, int64_t outputs, int64_t out) {
  for (int64_t n = 0; n < count; ++n)
    for (int64_t o = 0; o < outputs; ++o)
      std::memcpy(rows + (o * count + n) * out, y + (n * outputs + o) * out, out * sizeof(float));
}
void SwapFromRows(const float* rows, float* y, int64_t count, int64_t outputs, int64_t out) {
  for (int64_t n = 0; n < count; ++n)
    for (int64_t o = 0; o < outputs; ++o)
      std::memcpy(y + (n * outputs + o) * out, rows + (o * count + n) * out, out * sizeof(float));
}

int64_t SamplesAtOnce(const Windows& windows) {
  const int64_t bytes = static_cast<int64_t>(windows.entries.size()) * OutPlane(windows) * 4;
  return std::max<int64_t>(1, kColumnBytes / std::max<int64_t>(1, bytes));
}

struct Function : torch::autograd::Function<Function> {
  static at::Tensor forward(torch::autograd::AutogradContext* context, const at::Tensor& x_any,
                            const at::Tensor& weights_any,
                            const c10::intrusive_ptr<Windows>& windows) {
    const at::Tensor x = x_any.contiguous(), weights = weights_any.contiguous();
    context->save_for_backward({x, weights});
    context->saved_data["windows"] = c10::IValue::make_capsule(windows);
    const int64_t samples = x.size(0), outputs = weights.size(0), out = OutPlane(*windows);
    at::Tensor y = at::empty({samples, outputs, windows->plane.out_h, windows->plane.out_w});
    const int64_t step = SamplesAtOnce(*windows);
    for (int64_t n = 0; n < samples; n += step) {
      const int64_t count = std::min(step, samples - n);
      const at::Tensor columns =
          Gather(*windows, x.data_ptr<float>() + n * InSample(*windows), count);
      const at::Tensor rows = at::mm(weights, columns);
      SwapFromRows(rows.data_ptr<float>(), y.data_ptr<float>() + n * outputs * out, count, outputs,
                   out);
    }
    return y;
  }

  static torch::autograd::variable_list backward(torch::autograd::AutogradContext* context,
                                                 torch::autograd::variable_list gradients) {
    const auto saved = context->get_saved_variables();
    const at::Tensor &x = saved[0], &weights = saved[1];
    const auto capsule = context->saved_data["windows"].toCapsule();
    const Windows& windows = static_cast<const Windows&>(*capsule);
    const at::Tensor dy = gradients[0].contiguous();
    const int64_t samples = x.size(0), outputs = weights.size(0), out = OutPlane(windows);
    const bool wants_x = context->needs_input_grad(0);
    at::Tensor dx = wants_x ? at::zeros_like(x) : at::Tensor();
    at::Tensor dw = at::zeros_like(weights);
    const int64_t step = SamplesAtOnce(windows);
    for (int64_t n = 0; n < samples; n += step) {
      const int64_t count = std::min(step, samples - n);
      at::Tensor rows = at::empty({outputs, count * out});
      SwapToRows(dy.data_ptr<float>() + n * outputs * out, rows.data_ptr<float>(), count, outputs,
                 out);
      const at::Tensor columns =
          Gather(windows, x.data_ptr<float>() + n * InSample(windows), count);
      dw.addmm_(rows, columns.t());
      if (!wants_x) continue;
      Scatter(windows, at::mm(weights.t(), rows), dx.data_ptr<float>() + n * InSample(windows),
              count);
    }
    return {dx, dw, at::Tensor()};
  }
};

}  // namespace

at::Tensor GatheredConv(const at::Tensor& x, const at::Tensor& weights,
                        const c10::intrusive_ptr<Windows>& windows) {
  return Function::apply(x, weights, windows);
}

}  // namespace deftnn::torch_engine
