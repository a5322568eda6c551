// What this machine can do at best, measured: the two sides of the roofline.
//
//   seconds of a product >= max(2 * multiply-adds / peak, weight bytes / read bandwidth)
//
// (Williams, Waterman and Patterson 2009). The peak is a loop of multiply-adds that never leaves
// the registers; the bandwidth is that of the nearest memory level that holds the bytes.
#pragma once

#include <array>
#include <cstdint>

#include "deftnn/base/cpu.h"
#include "deftnn/ndf/formats/format.h"

namespace deftnn {

struct MachinePeaks {
  Isa isa = Isa::kPortable;
  int threads = 1;
  double fp32_gflops = 0;  // of all threads together; a multiply-add is two
  double dfp16_gflops =
      0;  // the dot instruction's, or fp32's where DFP16 is fissioned next to the FMA
  /// Read bandwidth of all threads together in GB/s: L1, L2, L3, memory.
  std::array<double, 4> read_gbps{};
  /// Bytes that a thread finds in L1, L2 and L3 (its share where threads share one).
  std::array<int64_t, 3> cache_bytes{};

  double gflops(Format format) const {
    return format == Format::kFp32 ? fp32_gflops : dfp16_gflops;
  }
  /// GB/s at which `bytes`, read once a pass by all threads together (each its own part), arrive.
  double ReadGbps(int64_t bytes) const;
  /// The least seconds for that many multiply-adds over that many bytes of weights.
  double BoundSeconds(double multiply_adds, double bytes, Format format) const;
};

/// Measures with `threads` threads, on CPU time, best of a few; about 0.2 s. `isa` is supported.
MachinePeaks MeasurePeaks(Isa isa, int threads);

}  // namespace deftnn
