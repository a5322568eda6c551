// Portable: Highway's baseline target, 128-bit vectors in plain C++ on x86-64.
#include "deftnn/kernels/depthwise/generic-inl.h"

namespace deftnn {

extern const DepthwiseKernel kDepthwisePortable;
const DepthwiseKernel kDepthwisePortable = {Isa::kPortable, HWY_TARGET, DepthwisePacking::kNone,
                                            DepthwiseRows};

}  // namespace deftnn
