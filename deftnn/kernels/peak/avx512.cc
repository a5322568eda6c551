// Peak loops of avx512.
#include "deftnn/kernels/peak/peak-inl.h"

namespace deftnn {

extern const PeakLoops kPeakAvx512;
const PeakLoops kPeakAvx512 = {PeakLoop<64>::Fp32, nullptr, PeakLoop<64>::Read};

}  // namespace deftnn
