#include "deftnn/tune/augment.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>

namespace deftnn {
namespace {

Tensor Counting() {
  std::vector<float> values(2 * 3 * 4 * 5);
  for (size_t i = 0; i < values.size(); ++i) values[i] = static_cast<float>(i);
  return Tensor::Of<float>({2, 3, 4, 5}, values);
}

// Every element comes from the place that one shift and one flip name, edges repeated.
TEST(Augment, ShiftsAndFlipsOnePicture) {
  const Tensor before = Counting();
  const auto from = before.values<float>();
  std::set<std::tuple<bool, int64_t, int64_t>> seen;
  for (uint64_t seed = 0; seed < 200; ++seed) {
    Tensor after = before;
    AugmentSample({.flip = true, .crop = 2}, seed, 1, after);
    const auto to = after.values<float>();
    int fits = 0;
    for (const bool flip : {false, true})
      for (int64_t down = -2; down <= 2; ++down)
        for (int64_t right = -2; right <= 2; ++right) {
          bool same = true;
          for (int64_t c = 0; c < 3; ++c)
            for (int64_t h = 0; h < 4; ++h)
              for (int64_t w = 0; w < 5; ++w) {
                const int64_t row = std::clamp<int64_t>(h + down, 0, 3);
                const int64_t column = std::clamp<int64_t>(w + right, 0, 4);
                same &= to[((3 + c) * 4 + h) * 5 + w] ==
                        from[((3 + c) * 4 + row) * 5 + (flip ? 4 - column : column)];
              }
          if (same) seen.insert({flip, down, right});
          fits += same ? 1 : 0;
        }
    EXPECT_EQ(fits, 1) << "seed " << seed;
    EXPECT_TRUE(std::equal(from.begin(), from.begin() + 60, to.begin())) << "seed " << seed;
  }
  EXPECT_EQ(seen.size(), 50u);
}

TEST(Augment, DependsOnSeedEpochAndSampleAlone) {
  EXPECT_EQ(AugmentationSeed(1, 2, 3), AugmentationSeed(1, 2, 3));
  std::set<uint64_t> seeds;
  for (uint64_t seed = 0; seed < 5; ++seed)
    for (int64_t epoch = 0; epoch < 5; ++epoch)
      for (int64_t sample = 0; sample < 50; ++sample)
        seeds.insert(AugmentationSeed(seed, epoch, sample));
  EXPECT_EQ(seeds.size(), 1250u);
}

TEST(Augment, WantsPictures) {
  EXPECT_TRUE(CheckPictures(ElementType::kFloat32, {3, 32, 32}).ok());
  EXPECT_FALSE(CheckPictures(ElementType::kFloat32, {784}).ok());
  EXPECT_FALSE(CheckPictures(ElementType::kInt32, {3, 32, 32}).ok());
}

}  // namespace
}  // namespace deftnn
