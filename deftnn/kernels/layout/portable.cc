// Portable: Highway's baseline target, 128-bit vectors in plain C++ on x86-64.
#include "deftnn/kernels/layout/generic-inl.h"

namespace deftnn {

extern const LayoutKernel kLayoutPortable;
const LayoutKernel kLayoutPortable = {Isa::kPortable, HWY_TARGET, FromPlanesRows, ToPlanesRows,
                                      CopyRows};

}  // namespace deftnn
