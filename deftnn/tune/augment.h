// Random changes to pictures that leave their class alone, so that training sees more of them.
#pragma once

#include <cstdint>

#include "deftnn/base/status.h"
#include "deftnn/base/tensor.h"

namespace deftnn {

struct Augmentation {
  bool flip = false;  // left and right, every second picture
  int64_t crop = 0;   // shifted by up to so many pixels each way; the edge is repeated
  bool any() const { return flip || crop > 0; }
};

/// The changes of one picture in one epoch: the same at any batch size and number of processes.
uint64_t AugmentationSeed(uint64_t seed, int64_t epoch, int64_t sample);

/// Changes sample `n` of float32 N x C x H x W.
void AugmentSample(const Augmentation& augmentation, uint64_t seed, int64_t n, Tensor& pictures);

/// An error unless samples of this type and shape (without N) are pictures: C x H x W, float32.
Status CheckPictures(ElementType type, const Shape& sample);

}  // namespace deftnn
