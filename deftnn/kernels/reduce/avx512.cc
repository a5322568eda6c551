// AVX-512 F, BW, DQ, VL, CD.
#include "deftnn/kernels/reduce/generic-inl.h"

namespace deftnn {

extern const ReduceKernel kReduceAvx512;
const ReduceKernel kReduceAvx512 = {Isa::kAvx512, HWY_TARGET, SumUnits};

}  // namespace deftnn
