// The tile unit of CPUs with AMX, for files compiled for it.
#pragma once

#include <stdint.h>
#include <string.h>

namespace deftnn {
namespace {

// Eight tiles of up to 16 rows of 64 bytes. The operating system's permission
// was asked for by Supports(Isa::kAmxBf16).
struct HardwareTiles {
  struct Config {
    uint8_t palette = 1, start_row = 0, reserved[14] = {};
    uint16_t bytes_per_row[16] = {64, 64, 64, 64, 64, 64, 64, 64};
    uint8_t rows[16] = {16, 16, 16, 16, 16, 16, 16, 16};
  };
  static_assert(sizeof(Config) == 64);

  // Tiles 0 to 3 are sums and 4 and 5 inputs, of `pixels` rows; the others are weights of `steps`
  // pairs. Loading takes ten times as long as looking at what is there: a thread keeps its tiles
  // from product to product. (The kernel drops them for a core that idles.)
  void Configure(int pixels, int steps) {
    alignas(64) Config wanted, current;
    for (int tile = 0; tile < 6; ++tile) wanted.rows[tile] = static_cast<uint8_t>(pixels);
    for (int tile = 4; tile < 6; ++tile) {
      wanted.bytes_per_row[tile] = static_cast<uint16_t>(4 * steps);
      wanted.rows[tile + 2] = static_cast<uint8_t>(steps);
    }
    asm volatile("sttilecfg %0" : "=m"(current));
    if (memcmp(&wanted, &current, sizeof(wanted)) != 0) {
      asm volatile("ldtilecfg %0" : : "m"(wanted));
    }
  }

  template <int kTile>
  void Load(const void* from, int64_t stride) {
    asm volatile("tileloadd (%0,%1,1), %%tmm%c2" : : "r"(from), "r"(stride), "i"(kTile) : "memory");
  }
  template <int kTile>
  void Store(void* to, int64_t stride) {
    asm volatile("tilestored %%tmm%c2, (%0,%1,1)" : : "r"(to), "r"(stride), "i"(kTile) : "memory");
  }
  template <int kC, int kA, int kB>
  void Multiply() {
    asm volatile("tdpbf16ps %%tmm%c2, %%tmm%c1, %%tmm%c0" : : "i"(kC), "i"(kA), "i"(kB));
  }
};

}  // namespace
}  // namespace deftnn
