// Peak loops of portable.
#include "deftnn/kernels/peak/peak-inl.h"

namespace deftnn {

extern const PeakLoops kPeakPortable;
const PeakLoops kPeakPortable = {PeakLoop<16>::Fp32, nullptr, PeakLoop<16>::Read};

}  // namespace deftnn
