// AVX2 and FMA.
#include "deftnn/kernels/depthwise/generic-inl.h"

namespace deftnn {

extern const DepthwiseKernel kDepthwiseAvx2;
const DepthwiseKernel kDepthwiseAvx2 = {Isa::kAvx2, HWY_TARGET, DepthwisePacking::kNone,
                                        DepthwiseRows};

}  // namespace deftnn
