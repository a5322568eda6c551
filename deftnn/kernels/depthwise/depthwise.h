// Depthwise convolution: every channel has a filter of its own (ONNX Conv with group = channels =
// outputs).
#pragma once

#include <cstdint>

#include "deftnn/base/activation.h"
#include "deftnn/base/cpu.h"
#include "deftnn/base/threads.h"
#include "deftnn/kernels/view.h"

namespace deftnn {

/// output(n, h, w, c) = activation(bias(c) + residual(n, h, w, c) + sum over i, j of
///   filter(c, i, j) * input(n, h * stride_h - pad_top + i * dilation_h, w * stride_w - pad_left +
///   j * dilation_w, c)).
///
/// Bound when the plan is made; the views' addresses may be set before each run. The input's halo
/// supplies the padding: it must be zero and reach as far as the window does on every side.
struct DepthwiseArgs {
  View input, output;             // same batch and channels, any format each
  View residual;                  // extents of the output, any format; none when its data is null
  const float* filter = nullptr;  // PackDepthwise: the bias is in it
  int64_t kernel_h = 1, kernel_w = 1, stride_h = 1, stride_w = 1, dilation_h = 1, dilation_w = 1;
  int64_t pad_top = 0, pad_left = 0;
  ActivationSpec activation;
};

/// Floats that PackDepthwise writes.
int64_t PackedDepthwiseSize(int64_t channels, int64_t kernel_h, int64_t kernel_w);
/// weights[channels][kernel_h][kernel_w] and bias[channels] (null: zeros) as [kernel_h * kernel_w +
/// 1] [channels padded to 16 with zeros], the bias last.
void PackDepthwise(const float* weights, const float* bias, int64_t channels, int64_t kernel_h,
                   int64_t kernel_w, float* packed);

/// One instruction set's implementation: rows [begin, end) of batch * output height.
struct DepthwiseKernel {
  Isa isa;
  int64_t target;
  void (*run)(const DepthwiseArgs& args, int64_t begin, int64_t end);
};

const DepthwiseKernel& SelectDepthwise(Isa isa);

/// Computes in fp32, taps in row-major order, and rounds once. Results do not depend on the number
/// of threads. The residual may be the output itself.
void RunDepthwise(const DepthwiseKernel& kernel, const DepthwiseArgs& args, ThreadPool& pool);

}  // namespace deftnn
