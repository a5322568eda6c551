// AVX-512 F, BW, DQ, VL, CD.
#include "deftnn/kernels/depthwise/generic-inl.h"

namespace deftnn {

extern const DepthwiseKernel kDepthwiseAvx512;
const DepthwiseKernel kDepthwiseAvx512 = {Isa::kAvx512, HWY_TARGET, DepthwisePacking::kNone,
                                          DepthwiseRows};

}  // namespace deftnn
