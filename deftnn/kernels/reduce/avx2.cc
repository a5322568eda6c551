// AVX2 and FMA.
#include "deftnn/kernels/reduce/generic-inl.h"

namespace deftnn {

extern const ReduceKernel kReduceAvx2;
const ReduceKernel kReduceAvx2 = {Isa::kAvx2, HWY_TARGET, SumUnits};

}  // namespace deftnn
