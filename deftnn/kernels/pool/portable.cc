// Portable: Highway's baseline target, 128-bit vectors in plain C++ on x86-64.
#include "deftnn/kernels/pool/generic-inl.h"

namespace deftnn {

extern const PoolKernel kPoolPortable;
const PoolKernel kPoolPortable = {Isa::kPortable, HWY_TARGET, WindowRows, GlobalImages};

}  // namespace deftnn
