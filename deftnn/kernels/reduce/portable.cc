// Portable: Highway's baseline target, 128-bit vectors in plain C++ on x86-64.
#include "deftnn/kernels/reduce/generic-inl.h"

namespace deftnn {

extern const ReduceKernel kReducePortable;
const ReduceKernel kReducePortable = {Isa::kPortable, HWY_TARGET, SumUnits};

}  // namespace deftnn
