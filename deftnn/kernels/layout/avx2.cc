// AVX2 and FMA.
#include "deftnn/kernels/layout/generic-inl.h"

namespace deftnn {

extern const LayoutKernel kLayoutAvx2;
const LayoutKernel kLayoutAvx2 = {Isa::kAvx2, HWY_TARGET, FromPlanesRows, ToPlanesRows, CopyRows};

}  // namespace deftnn
