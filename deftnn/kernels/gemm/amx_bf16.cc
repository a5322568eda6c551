// AMX-BF16: tdpbf16ps multiplies 16 pixels by 32 entries of K by 16 outputs. Tested through the
// scalar emulation of the tile unit only: no CPU with AMX has been at hand.
#include "deftnn/kernels/gemm/amx-inl.h"

namespace deftnn::gemm {
namespace {

// Eight tiles of 16 rows of 64 bytes, for as long as this lives. The operating system's permission
// was asked for by Supports(Isa::kAmxBf16).
struct HardwareTiles {
  struct Config {
    uint8_t palette = 1, start_row = 0, reserved[14] = {};
    uint16_t bytes_per_row[16] = {64, 64, 64, 64, 64, 64, 64, 64};
    uint8_t rows[16] = {16, 16, 16, 16, 16, 16, 16, 16};
  };
  static_assert(sizeof(Config) == 64);

  HardwareTiles() {
    alignas(64) const Config config;
    asm volatile("ldtilecfg %0" : : "m"(config));
  }
  ~HardwareTiles() { asm volatile("tilerelease" : : :); }

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

extern const Code kAmxBf16Dfp16;
const Code kAmxBf16Dfp16 = AmxRunner<HardwareTiles>::MakeCode();

}  // namespace deftnn::gemm
