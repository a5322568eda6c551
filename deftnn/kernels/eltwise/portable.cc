// Portable: Highway's baseline target, 128-bit vectors in plain C++ on x86-64.
#include "deftnn/kernels/eltwise/generic-inl.h"

namespace deftnn {

extern const EltwiseKernel kEltwisePortable;
const EltwiseKernel kEltwisePortable = {Isa::kPortable, HWY_TARGET,    ActivateRows,
                                        BinaryRows,     BroadcastRows, FlatActivate,
                                        FlatBinary,     FlatScalar,    FlatUnary};

}  // namespace deftnn
