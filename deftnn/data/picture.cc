#include "deftnn/data/picture.h"

#include <algorithm>
#include <cmath>

#include "deftnn/base/check.h"

namespace deftnn {
namespace {

/// The source positions and weights that make each of `out` samples from `in` samples: a triangle
/// filter centred on the sample's middle, stretched by in/out when that is above 1.
struct Taps {
  std::vector<int> first;
  std::vector<std::vector<float>> weights;
};

Taps TriangleTaps(int in, int out) {
  const double scale = static_cast<double>(in) / out;
  const double support = std::max(scale, 1.0);
  Taps taps;
  for (int i = 0; i < out; ++i) {
    const double centre = (i + 0.5) * scale;
    const int first = std::max(0, static_cast<int>(std::floor(centre - support + 0.5)));
    const int end = std::min(in, static_cast<int>(std::floor(centre + support + 0.5)));
    std::vector<float> weights;
    double sum = 0;
    for (int j = first; j < end; ++j) {
      const double w = std::max(0.0, 1.0 - std::abs((j + 0.5 - centre) / support));
      weights.push_back(static_cast<float>(w));
      sum += w;
    }
    for (float& w : weights) w = static_cast<float>(w / sum);
    taps.first.push_back(first);
    taps.weights.push_back(std::move(weights));
  }
  return taps;
}

uint8_t RoundToByte(float value) {
  return static_cast<uint8_t>(std::clamp(std::floor(value + 0.5f), 0.0f, 255.0f));
}

}  // namespace

Picture ToChannels(Picture picture, int channels) {
  if (picture.channels == channels) return picture;
  const size_t pixels = static_cast<size_t>(picture.height) * static_cast<size_t>(picture.width);
  Picture out{picture.height, picture.width, channels, {}};
  out.pixels.resize(pixels * static_cast<size_t>(channels));
  for (size_t i = 0; i < pixels; ++i) {
    if (channels == 1) {
      const uint8_t* rgb = &picture.pixels[3 * i];
      out.pixels[i] = RoundToByte(0.299f * rgb[0] + 0.587f * rgb[1] + 0.114f * rgb[2]);
    } else {
      for (size_t c = 0; c < 3; ++c) out.pixels[3 * i + c] = picture.pixels[i];
    }
  }
  return out;
}

Picture Resize(const Picture& picture, int height, int width) {
  if (height == picture.height && width == picture.width) return picture;
  const size_t channels = static_cast<size_t>(picture.channels);
  const size_t in_width = static_cast<size_t>(picture.width);
  const size_t out_width = static_cast<size_t>(width);
  const Taps across = TriangleTaps(picture.width, width);
  const Taps down = TriangleTaps(picture.height, height);

  std::vector<float> rows(static_cast<size_t>(picture.height) * out_width * channels);
  for (size_t y = 0; y < static_cast<size_t>(picture.height); ++y) {
    for (size_t x = 0; x < out_width; ++x) {
      const std::vector<float>& weights = across.weights[x];
      const uint8_t* in =
          &picture.pixels[(y * in_width + static_cast<size_t>(across.first[x])) * channels];
      float* out = &rows[(y * out_width + x) * channels];
      for (size_t t = 0; t < weights.size(); ++t) {
        for (size_t c = 0; c < channels; ++c) out[c] += weights[t] * in[t * channels + c];
      }
    }
  }
  Picture resized{height, width, picture.channels, {}};
  const size_t row_size = out_width * channels;
  resized.pixels.resize(static_cast<size_t>(height) * row_size);
  std::vector<float> sum(row_size);
  for (size_t y = 0; y < static_cast<size_t>(height); ++y) {
    std::fill(sum.begin(), sum.end(), 0.0f);
    for (size_t t = 0; t < down.weights[y].size(); ++t) {
      const float* row = &rows[(static_cast<size_t>(down.first[y]) + t) * row_size];
      for (size_t i = 0; i < row_size; ++i) sum[i] += down.weights[y][t] * row[i];
    }
    for (size_t i = 0; i < row_size; ++i) {
      resized.pixels[y * row_size + i] = RoundToByte(sum[i]);
    }
  }
  return resized;
}

Picture CentreCrop(const Picture& picture, int height, int width) {
  DEFTNN_CHECK(height <= picture.height && width <= picture.width);
  const size_t channels = static_cast<size_t>(picture.channels);
  const size_t top = static_cast<size_t>((picture.height - height) / 2);
  const size_t left = static_cast<size_t>((picture.width - width) / 2);
  Picture cropped{height, width, picture.channels, {}};
  for (size_t y = 0; y < static_cast<size_t>(height); ++y) {
    const auto row =
        picture.pixels.begin() +
        static_cast<int64_t>(((top + y) * static_cast<size_t>(picture.width) + left) * channels);
    cropped.pixels.insert(cropped.pixels.end(), row,
                          row + static_cast<int64_t>(static_cast<size_t>(width) * channels));
  }
  return cropped;
}

}  // namespace deftnn
