// AVX-512 F, BW, DQ, VL, CD.
#include "deftnn/kernels/softmax/generic-inl.h"

namespace deftnn {

extern const SoftmaxKernel kSoftmaxAvx512;
const SoftmaxKernel kSoftmaxAvx512 = {Isa::kAvx512, HWY_TARGET, SoftmaxRows};

}  // namespace deftnn
