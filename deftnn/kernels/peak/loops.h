// The loops that each ISA's file compiles: plain, for no header of the standard library may go in.
#pragma once

#include <cstdint>

namespace deftnn {

struct PeakLoops {
  /// Runs `rounds` rounds of register-resident multiply-adds; returns the flops done.
  double (*fp32)(int64_t rounds);
  double (*dfp16)(int64_t rounds);  // null: fp32's
  /// Reads `bytes` (a multiple of 512) once; returns something that depends on them.
  uint64_t (*read)(const uint8_t* data, int64_t bytes);
};

}  // namespace deftnn
