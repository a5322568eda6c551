// AVX-512 (F, BW, DQ, VL, CD): thirty-two registers of sixteen floats; DFP16 is fissioned next to
// the FMA.
#include "deftnn/kernels/gemm/generic-inl.h"

namespace deftnn::gemm {

extern const Code kAvx512Fp32, kAvx512Dfp16;
const Code kAvx512Fp32 = Runner<Fp32Math<16>, 24, 12, 8, 6>::MakeCode();
const Code kAvx512Dfp16 = Runner<FissionMath<16>, 24, 12, 8, 6>::MakeCode();

}  // namespace deftnn::gemm
