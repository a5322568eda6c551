// AVX2 and FMA.
#include "deftnn/kernels/eltwise/generic-inl.h"

namespace deftnn {

extern const EltwiseKernel kEltwiseAvx2;
const EltwiseKernel kEltwiseAvx2 = {Isa::kAvx2, HWY_TARGET,    ActivateRows,
                                    BinaryRows, BroadcastRows, FlatActivate,
                                    FlatBinary, FlatScalar,    FlatUnary};

}  // namespace deftnn
