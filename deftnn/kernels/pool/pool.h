// Max and average pooling over windows or whole images, on padded NHWC views in any format.
#pragma once

#include <cstdint>

#include "deftnn/base/cpu.h"
#include "deftnn/base/threads.h"
#include "deftnn/kernels/view.h"

namespace deftnn {

enum class PoolKind { kMax, kAverage, kGlobalMax, kGlobalAverage };

/// Bound when the plan is made; the views' addresses may be set before each run. Output (h, w)
/// covers input rows h * stride_h - pad_top + i * dilation_h for i in [0, kernel_h), columns alike;
/// what lies outside the interior takes no part (the halo is not read as values). The last window
/// may reach beyond the padding (ceil_mode).
struct PoolArgs {
  PoolKind kind = PoolKind::kMax;
  View input, output;  // same batch and channels; a global pool's output is 1 x 1
  int64_t kernel_h = 1, kernel_w = 1, stride_h = 1, stride_w = 1, dilation_h = 1, dilation_w = 1;
  int64_t pad_top = 0, pad_left = 0, pad_bottom = 0, pad_right = 0;
  /// Average: divide by the positions in the padded image (true) or by those in the image (false).
  /// Positions beyond the padding never count; a window without any gives 0.
  bool count_include_pad = false;
};

/// One instruction set's implementation. A window pool works on rows [begin, end) of batch * output
/// height, a global pool on images [begin, end).
struct PoolKernel {
  Isa isa;
  int64_t target;
  void (*window)(const PoolArgs& args, int64_t begin, int64_t end);
  void (*global)(const PoolArgs& args, int64_t begin, int64_t end);
};

const PoolKernel& SelectPool(Isa isa);

/// Computes in fp32 and rounds once. Max: a NaN under the window gives NaN, an empty window minus
/// infinity. Results do not depend on the number of threads.
void RunPool(const PoolKernel& kernel, const PoolArgs& args, ThreadPool& pool);

}  // namespace deftnn
