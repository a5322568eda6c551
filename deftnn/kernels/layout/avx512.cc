// AVX-512 F, BW, DQ, VL, CD.
#include "deftnn/kernels/layout/generic-inl.h"

namespace deftnn {

extern const LayoutKernel kLayoutAvx512;
const LayoutKernel kLayoutAvx512 = {Isa::kAvx512, HWY_TARGET, FromPlanesRows, ToPlanesRows,
                                    CopyRows};

}  // namespace deftnn
