// AVX2 and FMA.
#include "deftnn/kernels/pool/generic-inl.h"

namespace deftnn {

extern const PoolKernel kPoolAvx2;
const PoolKernel kPoolAvx2 = {Isa::kAvx2, HWY_TARGET, WindowRows, GlobalImages};

}  // namespace deftnn
