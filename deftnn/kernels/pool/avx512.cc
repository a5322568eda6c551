// AVX-512 F, BW, DQ, VL, CD.
#include "deftnn/kernels/pool/generic-inl.h"

namespace deftnn {

extern const PoolKernel kPoolAvx512;
const PoolKernel kPoolAvx512 = {Isa::kAvx512, HWY_TARGET, WindowRows, GlobalImages};

}  // namespace deftnn
