// Any CPU: vectors of four floats, whatever the compiler makes of them; no fused multiply-add
// assumed.
#include "deftnn/kernels/gemm/generic-inl.h"

namespace deftnn::gemm {

extern const Code kPortableFp32, kPortableDfp16;
const Code kPortableFp32 = Runner<Fp32Math<4>, 8, 4>::MakeCode();
const Code kPortableDfp16 = Runner<FissionMath<4>, 8, 4>::MakeCode();

}  // namespace deftnn::gemm
