// AMX-BF16: tdpbf16ps multiplies 16 pixels by 32 entries of K by 16 outputs. Also tested
// through a scalar emulation of the tile unit, on any CPU.
#include "deftnn/kernels/amx_tiles-inl.h"
#include "deftnn/kernels/gemm/amx-inl.h"

namespace deftnn::gemm {
extern const Code kAmxBf16Dfp16;
const Code kAmxBf16Dfp16 = AmxRunner<HardwareTiles>::MakeCode();

}  // namespace deftnn::gemm
