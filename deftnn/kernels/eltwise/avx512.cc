// AVX-512 F, BW, DQ, VL, CD.
#include "deftnn/kernels/eltwise/generic-inl.h"

namespace deftnn {

extern const EltwiseKernel kEltwiseAvx512;
const EltwiseKernel kEltwiseAvx512 = {Isa::kAvx512, HWY_TARGET,    ActivateRows,
                                      BinaryRows,   BroadcastRows, FlatActivate,
                                      FlatBinary,   FlatScalar,    FlatUnary};

}  // namespace deftnn
