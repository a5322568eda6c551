#include "deftnn/analysis/sampling.h"

#include <algorithm>
#include <numeric>

#include "deftnn/base/rng.h"

namespace deftnn {

std::vector<int64_t> SamplePositions(uint64_t seed, int64_t layer, int64_t sample,
                                     int64_t positions, int64_t count) {
  std::vector<int64_t> out;
  if (positions <= count) {
    out.resize(std::max<int64_t>(0, positions));
    std::iota(out.begin(), out.end(), int64_t{0});
    return out;
  }
  Rng mix(seed ^ (static_cast<uint64_t>(layer) * 0xd1342543de82ef95ull));
  Rng rng(mix.Next() ^ (static_cast<uint64_t>(sample) * 0xaf251af3b0f025b5ull));
  // Floyd's sampling: for each upper bound, a new number or the bound itself.
  for (int64_t bound = positions - count; bound < positions; ++bound) {
    const int64_t candidate = rng.Below(bound + 1);
    const auto place = std::lower_bound(out.begin(), out.end(), candidate);
    if (place != out.end() && *place == candidate)
      out.push_back(bound);  // larger than all before it
    else
      out.insert(place, candidate);
  }
  return out;
}

void GatherWindows(const Tensor& input, int64_t image, const Window& window, int64_t channel_begin,
                   int64_t channels, const std::vector<int64_t>& positions, float* out) {
  const int axes = window.axes();
  DEFTNN_CHECK((axes == 1 || axes == 2) && input.rank() == axes + 2 && image < input.dim(0) &&
               channel_begin + channels <= input.dim(1));
  const auto axis = [&](const std::vector<int64_t>& values, int which, int64_t absent) {
    return which + axes >= 2 ? values[which + axes - 2] : absent;  // 1-D: the first axis is absent
  };
  const int64_t height = axes == 2 ? input.dim(2) : 1, width = input.dim(axes + 1);
  const int64_t out_width = window.output.back();
  const int64_t kernel_h = axis(window.kernel, 0, 1), kernel_w = axis(window.kernel, 1, 1);
  const float* base =
      input.values<float>().data() + (image * input.dim(1) + channel_begin) * height * width;
  for (const int64_t position : positions) {
    const int64_t top =
        position / out_width * axis(window.strides, 0, 1) - axis(window.pads_begin, 0, 0);
    const int64_t left =
        position % out_width * axis(window.strides, 1, 1) - axis(window.pads_begin, 1, 0);
    for (int64_t kh = 0; kh < kernel_h; ++kh) {
      const int64_t y = top + kh * axis(window.dilations, 0, 1);
      for (int64_t kw = 0; kw < kernel_w; ++kw, out += channels) {
        const int64_t x = left + kw * axis(window.dilations, 1, 1);
        if (y < 0 || y >= height || x < 0 || x >= width) {
          std::fill_n(out, channels, 0.0f);
          continue;
        }
        const float* from = base + y * width + x;
        for (int64_t c = 0; c < channels; ++c) out[c] = from[c * height * width];
      }
    }
  }
}

void GatherRows(const Tensor& input, const std::vector<int64_t>& positions, float* out) {
  DEFTNN_CHECK(input.rank() >= 1);
  const int64_t channels = input.dim(-1);
  const std::span<const float> values = input.values<float>();
  for (const int64_t position : positions) {
    DEFTNN_CHECK((position + 1) * channels <= input.size());
    out = std::copy_n(values.begin() + position * channels, channels, out);
  }
}

void GatherChannels(const Tensor& output, int64_t image, int64_t channel_begin, int64_t channels,
                    const std::vector<int64_t>& positions, float* out) {
  DEFTNN_CHECK(output.rank() >= 2 && channel_begin + channels <= output.dim(1));
  int64_t spatial = 1;
  for (int a = 2; a < output.rank(); ++a) spatial *= output.dim(a);
  const float* base =
      output.values<float>().data() + (image * output.dim(1) + channel_begin) * spatial;
  for (const int64_t position : positions)
    for (int64_t c = 0; c < channels; ++c) *out++ = base[c * spatial + position];
}

}  // namespace deftnn
