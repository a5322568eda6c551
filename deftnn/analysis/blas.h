// How this process uses BLAS.
#pragma once

#include <string>

namespace deftnn {

/// Call before the first use of BLAS; later calls do nothing. BLAS computes on the calling thread
/// (tiles are our threads), and by the kernels of this CPU: a CPU that came out after the OpenBLAS
/// at hand gets SSE kernels from it, which are several times slower (OpenBLAS 0.3.21 on an Emerald
/// Rapids Xeon: 20 instead of 140 GFLOP/s in float32). OPENBLAS_CORETYPE, where set, is obeyed.
void PrepareBlas();

/// What OpenBLAS calls the CPU that it computes for, such as "SkylakeX".
std::string BlasCore();

}  // namespace deftnn
