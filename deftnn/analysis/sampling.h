// Which output positions of a layer calibration looks at, and the rows of inputs behind them.
#pragma once

#include <cstdint>
#include <vector>

#include "deftnn/base/tensor.h"
#include "deftnn/ops/window.h"

namespace deftnn {

/// Up to `count` distinct positions out of [0, positions), rising. They depend on seed, layer and
/// sample alone, so not on batches or threads. All positions when there are no more than `count`.
std::vector<int64_t> SamplePositions(uint64_t seed, int64_t layer, int64_t sample,
                                     int64_t positions, int64_t count);

/// Rows of a convolution's input matrix. `input` is float32 [N x C_all x spatial] with one or two
/// spatial axes, `window` is resolved for it, and [channel_begin, channel_begin + channels) is one
/// convolution group. Row r is output position positions[r] (row-major over window.output) of
/// image `image`; its entries are k = (kh * KW + kw) * channels + c, 0 where the window is over
/// padding. `out` receives [positions x (kernel positions * channels)].
void GatherWindows(const Tensor& input, int64_t image, const Window& window, int64_t channel_begin,
                   int64_t channels, const std::vector<int64_t>& positions, float* out);

/// Rows of a matmul's input, float32 [... x C]: row positions[r] of all leading dimensions
/// together. `out` receives [positions x C].
void GatherRows(const Tensor& input, const std::vector<int64_t>& positions, float* out);

/// Channels of an activation, float32 [N x C_all x spatial], at the same positions: what a
/// convolution put out there. `out` receives [positions x channels].
void GatherChannels(const Tensor& output, int64_t image, int64_t channel_begin, int64_t channels,
                    const std::vector<int64_t>& positions, float* out);

}  // namespace deftnn
