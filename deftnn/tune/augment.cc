#include "deftnn/tune/augment.h"

#include <algorithm>
#include <vector>

#include "deftnn/base/rng.h"

namespace deftnn {

uint64_t AugmentationSeed(uint64_t seed, int64_t epoch, int64_t sample) {
  Rng mixed(seed ^ (static_cast<uint64_t>(epoch) * 0x9e3779b97f4a7c15ull));
  return mixed.Next() + static_cast<uint64_t>(sample) * 0xbf58476d1ce4e5b9ull;
}

void AugmentSample(const Augmentation& augmentation, uint64_t seed, int64_t n, Tensor& pictures) {
  Rng rng(seed);
  const bool flip = augmentation.flip && rng.Below(2) == 1;
  const int64_t down = rng.Between(-augmentation.crop, augmentation.crop);
  const int64_t right = rng.Between(-augmentation.crop, augmentation.crop);
  if (!flip && down == 0 && right == 0) return;
  const int64_t channels = pictures.dim(1), height = pictures.dim(2), width = pictures.dim(3);
  const int64_t plane = height * width;
  float* picture = pictures.mutable_values<float>().data() + n * channels * plane;
  std::vector<float> before(static_cast<size_t>(plane));
  for (int64_t c = 0; c < channels; ++c) {
    float* to = picture + c * plane;
    std::copy(to, to + plane, before.begin());
    for (int64_t h = 0; h < height; ++h) {
      const float* row = before.data() + std::clamp<int64_t>(h + down, 0, height - 1) * width;
      for (int64_t w = 0; w < width; ++w) {
        const int64_t from = std::clamp<int64_t>(w + right, 0, width - 1);
        to[h * width + w] = row[flip ? width - 1 - from : from];
      }
    }
  }
}

Status CheckPictures(ElementType type, const Shape& sample) {
  if (type == ElementType::kFloat32 && sample.size() == 3) return {};
  return Error("samples of {} {} are no pictures that can be flipped or cropped", NameOf(type),
               ToString(sample))
      .WithHint("no augmentation");
}

}  // namespace deftnn
