#include "deftnn/analysis/sampling.h"

#include <gtest/gtest.h>

#include <set>

#include "deftnn/base/rng.h"

namespace deftnn {
namespace {

TEST(AnalysisSampling, PositionsAreDistinctRisingAndRepeatable) {
  std::set<std::vector<int64_t>> seen;
  for (int64_t sample = 0; sample < 50; ++sample) {
    const std::vector<int64_t> p = SamplePositions(1, 3, sample, 196, 16);
    ASSERT_EQ(p.size(), 16u);
    for (size_t i = 0; i < p.size(); ++i) {
      EXPECT_LT(p[i], 196);
      EXPECT_GE(p[i], i == 0 ? 0 : p[i - 1] + 1);
    }
    EXPECT_EQ(p, SamplePositions(1, 3, sample, 196, 16));
    seen.insert(p);
  }
  EXPECT_EQ(seen.size(), 50u);
  EXPECT_NE(SamplePositions(1, 3, 0, 196, 16), SamplePositions(2, 3, 0, 196, 16));
  EXPECT_NE(SamplePositions(1, 3, 0, 196, 16), SamplePositions(1, 4, 0, 196, 16));
  EXPECT_EQ(SamplePositions(1, 0, 0, 3, 16), (std::vector<int64_t>{0, 1, 2}));
  EXPECT_TRUE(SamplePositions(1, 0, 0, 0, 16).empty());
  EXPECT_EQ(SamplePositions(1, 0, 0, 5, 5).size(), 5u);
}

TEST(AnalysisSampling, EveryPositionIsAboutAsLikely) {
  std::vector<int> hits(20);
  for (int64_t sample = 0; sample < 4000; ++sample)
    for (const int64_t p : SamplePositions(5, 0, sample, 20, 4)) ++hits[p];
  for (const int h : hits) EXPECT_NEAR(h, 800, 130);  // five standard deviations
}

Tensor Random(Rng& rng, Shape shape) {
  Tensor t = Tensor::Zeros(ElementType::kFloat32, std::move(shape));
  for (float& v : t.mutable_values<float>()) v = static_cast<float>(rng.Normal());
  return t;
}

TEST(AnalysisSampling, WindowsMatchTheDefinition) {
  for (uint64_t seed = 1; seed <= 30; ++seed) {
    SCOPED_TRACE(testing::Message() << "seed " << seed);
    Rng rng(seed);
    const int axes = static_cast<int>(rng.Between(1, 2));
    const int64_t channels = rng.Between(1, 4), begin = rng.Between(0, 3), n = 2;
    Window w;
    Shape shape = {n, begin + channels + 1};
    for (int a = 0; a < axes; ++a) {
      const int64_t size = rng.Between(5, 9);
      shape.push_back(size);
      w.kernel.push_back(rng.Between(1, 3));
      w.strides.push_back(rng.Between(1, 3));
      w.dilations.push_back(rng.Between(1, 2));
      w.pads_begin.push_back(rng.Between(0, 2));
      w.pads_end.push_back(rng.Between(0, 2));
      w.output.push_back(
          (size + w.pads_begin[a] + w.pads_end[a] - (w.dilations[a] * (w.kernel[a] - 1) + 1)) /
              w.strides[a] +
          1);
    }
    const Tensor x = Random(rng, shape);
    const int64_t height = axes == 2 ? shape[2] : 1, width = shape.back();
    const int64_t kh = axes == 2 ? w.kernel[0] : 1, kw = w.kernel.back();
    const int64_t total = (axes == 2 ? w.output[0] : 1) * w.output.back();
    const std::vector<int64_t> positions = SamplePositions(seed, 0, 0, total, 6);
    std::vector<float> rows(positions.size() * kh * kw * channels);
    GatherWindows(x, 1, w, begin, channels, positions, rows.data());
    for (size_t r = 0; r < positions.size(); ++r) {
      const int64_t oy = positions[r] / w.output.back(), ox = positions[r] % w.output.back();
      for (int64_t k = 0; k < kh * kw * channels; ++k) {
        const int64_t c = k % channels, px = k / channels % kw, py = k / channels / kw;
        const int64_t iy =
            axes == 2 ? oy * w.strides[0] - w.pads_begin[0] + py * w.dilations[0] : 0;
        const int64_t ix = ox * w.strides.back() - w.pads_begin.back() + px * w.dilations.back();
        const bool inside = iy >= 0 && iy < height && ix >= 0 && ix < width;
        const int64_t at = ((shape[1] + begin + c) * height + iy) * width + ix;
        EXPECT_EQ(rows[r * kh * kw * channels + k], inside ? x.values<float>()[at] : 0.0f);
      }
    }
  }
}

TEST(AnalysisSampling, RowsAndChannels) {
  Rng rng(4);
  const Tensor x = Random(rng, {2, 3, 5});
  std::vector<float> rows(10);
  GatherRows(x, {1, 5}, rows.data());
  for (int64_t c = 0; c < 5; ++c) {
    EXPECT_EQ(rows[c], x.values<float>()[5 + c]);
    EXPECT_EQ(rows[5 + c], x.values<float>()[25 + c]);
  }
  std::vector<float> channels(4);
  GatherChannels(x, 1, 1, 2, {0, 4}, channels.data());
  EXPECT_EQ(channels, (std::vector<float>{x.values<float>()[20], x.values<float>()[25],
                                          x.values<float>()[24], x.values<float>()[29]}));
}

}  // namespace
}  // namespace deftnn
