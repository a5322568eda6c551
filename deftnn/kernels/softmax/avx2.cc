// AVX2 and FMA.
#include "deftnn/kernels/softmax/generic-inl.h"

namespace deftnn {

extern const SoftmaxKernel kSoftmaxAvx2;
const SoftmaxKernel kSoftmaxAvx2 = {Isa::kAvx2, HWY_TARGET, SoftmaxRows};

}  // namespace deftnn
