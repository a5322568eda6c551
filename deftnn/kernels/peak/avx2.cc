// Peak loops of avx2.
#include "deftnn/kernels/peak/peak-inl.h"

namespace deftnn {

extern const PeakLoops kPeakAvx2;
const PeakLoops kPeakAvx2 = {PeakLoop<32>::Fp32, nullptr, PeakLoop<32>::Read};

}  // namespace deftnn
