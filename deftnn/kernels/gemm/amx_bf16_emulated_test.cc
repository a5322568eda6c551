// The AMX kernel on a scalar emulation of the tile unit (Intel's Architecture Instruction Set
// Extensions reference: TILELOADD, TILESTORED, TDPBF16PS); gemm_test.cc runs it like any other.
#include "deftnn/kernels/gemm/amx-inl.h"

namespace deftnn::gemm {
namespace {

struct EmulatedTiles {
  uint8_t tile[8][kTileRows][64];
  int pixels = 0, steps = 0;

  void Configure(int rows, int pairs) { pixels = rows, steps = pairs; }
  int Rows(int at) const { return at < 6 ? pixels : steps; }
  int Bytes(int at) const { return at == 4 || at == 5 ? 4 * steps : 64; }

  template <int kTile>
  void Load(const void* from, int64_t stride) {
    for (int row = 0; row < Rows(kTile); ++row) {
      memcpy(tile[kTile][row], static_cast<const uint8_t*>(from) + row * stride, Bytes(kTile));
    }
  }
  template <int kTile>
  void Store(void* to, int64_t stride) {
    for (int row = 0; row < Rows(kTile); ++row) {
      memcpy(static_cast<uint8_t*>(to) + row * stride, tile[kTile][row], 64);
    }
  }
  static float Decode(const uint8_t* code) {
    uint16_t upper;
    memcpy(&upper, code, 2);
    const uint32_t bits = uint32_t{upper} << 16;
    float value;
    memcpy(&value, &bits, 4);
    return value;
  }
  // C[m][n] += A[m][2 k] * B[k][2 n] + A[m][2 k + 1] * B[k][2 n + 1], k rising.
  template <int kC, int kA, int kB>
  void Multiply() {
    for (int m = 0; m < pixels; ++m) {
      for (int n = 0; n < 16; ++n) {
        float sum;
        memcpy(&sum, &tile[kC][m][4 * n], 4);
        for (int k = 0; k < steps; ++k) {
          sum += Decode(&tile[kA][m][4 * k]) * Decode(&tile[kB][k][4 * n]);
          sum += Decode(&tile[kA][m][4 * k + 2]) * Decode(&tile[kB][k][4 * n + 2]);
        }
        memcpy(&tile[kC][m][4 * n], &sum, 4);
      }
    }
  }
};

}  // namespace

extern const Code kAmxBf16Emulated;
const Code kAmxBf16Emulated = AmxRunner<EmulatedTiles>::MakeCode();

}  // namespace deftnn::gemm
