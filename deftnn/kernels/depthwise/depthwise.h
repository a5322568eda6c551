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
  const float* blocks = nullptr;  // PackDepthwise3x3 as the kernel wants it; may be null
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

/// How a kernel wants the weights of a 3x3 window besides, in blocks of kBlockChannels.
///
/// kPairs: weights that are DFP16 numbers, for a dot instruction that takes two of them: [14][16],
/// first the bias in two vectors, then for each column of the window the pairs (row 0, row 1) and
/// (row 2, zero) in two vectors each, as bits. The first vector of two has channels 0-3, 8-11,
/// 16-19 and 24-27, the second the others: what interleaving 16-bit vectors gives.
///
/// kHalves: [20][16], the bias, then the taps row by row, in two vectors each: the even channels,
/// then the odd ones.
enum class DepthwisePacking { kNone, kPairs, kHalves };
inline constexpr int64_t kBlockChannels = 32, kPairsFloats = 14 * 16, kHalvesFloats = 20 * 16;
/// Floats that PackDepthwise3x3 writes; 0 for kNone.
int64_t PackedDepthwise3x3Size(DepthwisePacking packing, int64_t channels);
/// weights[channels][3][3]; rounded to DFP16 already where `packing` is kPairs.
void PackDepthwise3x3(DepthwisePacking packing, const float* weights, const float* bias,
                      int64_t channels, float* packed);

/// One instruction set's implementation: rows [begin, end) of batch * output height.
struct DepthwiseKernel {
  Isa isa;
  int64_t target;
  DepthwisePacking packing;
  void (*run)(const DepthwiseArgs& args, int64_t begin, int64_t end);
};

const DepthwiseKernel& SelectDepthwise(Isa isa);

/// Computes in fp32 and rounds once; the kernel decides on the order of the taps, and a dot
/// instruction takes subnormal numbers as zero. Results do not depend on the number of threads. The
/// residual may be the output itself.
void RunDepthwise(const DepthwiseKernel& kernel, const DepthwiseArgs& args, ThreadPool& pool);

}  // namespace deftnn
