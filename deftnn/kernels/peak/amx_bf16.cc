// Peak loops of amx_bf16: as avx512, and tdpbf16ps.
#include "deftnn/kernels/amx_tiles-inl.h"
#include "deftnn/kernels/peak/peak-inl.h"

namespace deftnn {
namespace {

double Tiles(int64_t rounds) {
  HardwareTiles tiles;
  tiles.Configure(16, 16);
  alignas(64) const uint16_t zeros[32] = {};
  tiles.Load<4>(zeros, 0);
  tiles.Load<5>(zeros, 0);
  tiles.Load<6>(zeros, 0);
  tiles.Load<7>(zeros, 0);
  tiles.Load<0>(zeros, 0);
  tiles.Load<1>(zeros, 0);
  tiles.Load<2>(zeros, 0);
  tiles.Load<3>(zeros, 0);
  // A round of 16 x 16 x 32 takes as long as a few of the other loops'.
  const int64_t products = rounds / 4;
  for (int64_t i = 0; i < products; ++i) {
    tiles.Multiply<0, 4, 6>();
    tiles.Multiply<1, 4, 7>();
    tiles.Multiply<2, 5, 6>();
    tiles.Multiply<3, 5, 7>();
  }
  return double(products) * 4 * 16 * 16 * 32 * 2;
}

}  // namespace

extern const PeakLoops kPeakAmxBf16;
const PeakLoops kPeakAmxBf16 = {PeakLoop<64>::Fp32, Tiles, PeakLoop<64>::Read};

}  // namespace deftnn
