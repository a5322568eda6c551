// AVX2 + FMA: sixteen registers of eight floats. DFP16 is fissioned next to the FMA; its tiles are
// a pixel narrower than the registers would hold, because GCC 12 keeps an accumulator of the larger
// ones in memory.
#include "deftnn/kernels/gemm/generic-inl.h"

namespace deftnn::gemm {

extern const Code kAvx2Fp32, kAvx2Dfp16;
const Code kAvx2Fp32 = Runner<Fp32Math<8>, 12, 6, 4>::MakeCode();
const Code kAvx2Dfp16 = Runner<FissionMath<8>, 10, 5>::MakeCode();

}  // namespace deftnn::gemm
