// Portable: Highway's baseline target, 128-bit vectors in plain C++ on x86-64.
#include "deftnn/kernels/softmax/generic-inl.h"

namespace deftnn {

extern const SoftmaxKernel kSoftmaxPortable;
const SoftmaxKernel kSoftmaxPortable = {Isa::kPortable, HWY_TARGET, SoftmaxRows};

}  // namespace deftnn
