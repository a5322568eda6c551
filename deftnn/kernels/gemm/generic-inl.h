// The kernel itself, as templates over a Math: the step of one instruction set and format. Included
// by the per-ISA files only, each of which compiles it with its own flags; everything is therefore
// in an anonymous namespace.
//
// A register tile is `pixels` x `vectors` accumulators. One K step loads the block's weights, and
// for every pixel broadcasts the step's entries from x[pixel] + offsets[step] and multiplies. With
// the tile as large as the registers allow, the multiplications hide the loads, wherever the
// entries of an irregular K lie.
#pragma once

#include <hwy/contrib/math/math-inl.h>
#include <hwy/highway.h>
#include <string.h>

#include "deftnn/kernels/gemm/kernel.h"

#define DEFTNN_INLINE inline __attribute__((always_inline))
#define DEFTNN_UNROLL _Pragma("GCC unroll 32")

namespace deftnn::gemm {
namespace {

namespace hn = hwy::HWY_NAMESPACE;

// Vectors of the compiler's own: arrays of these stay in registers where GCC spills arrays of
// __m512i and of Highway's structs.
template <int kLanes>
struct Vectors {
  typedef float F __attribute__((vector_size(kLanes * 4), may_alias));
  typedef uint32_t U __attribute__((vector_size(kLanes * 4), may_alias));
  typedef float FLoad __attribute__((vector_size(kLanes * 4), may_alias, aligned(4)));
  typedef uint32_t ULoad __attribute__((vector_size(kLanes * 4), may_alias, aligned(4)));
};

DEFTNN_INLINE float LoadFloat(const uint8_t* p) {
  float value;
  memcpy(&value, p, 4);
  return value;
}
DEFTNN_INLINE uint32_t LoadWord(const uint8_t* p) {
  uint32_t value;
  memcpy(&value, p, 4);
  return value;
}

// fp32: one entry a step.
template <int kLanesOf>
struct Fp32Math {
  static constexpr int kLanes = kLanesOf, kGroup = 1;
  static constexpr int kStepBytes = kLanes * 4;  // of weights, per vector
  using F = typename Vectors<kLanes>::F;
  using FLoad = typename Vectors<kLanes>::FLoad;

  template <int kPixels, int kVectors>
  static DEFTNN_INLINE void Step(F (&acc)[kPixels][kVectors], const uint8_t* const (&x)[kPixels],
                                 int64_t offset, const uint8_t* w) {
    F weight[kVectors];
    DEFTNN_UNROLL for (int v = 0; v < kVectors; ++v) {
      weight[v] = *reinterpret_cast<const FLoad*>(w + v * kStepBytes);
    }
    DEFTNN_UNROLL for (int p = 0; p < kPixels; ++p) {
      const F entry = LoadFloat(x[p] + offset) - F{};
      DEFTNN_UNROLL for (int v = 0; v < kVectors; ++v) acc[p][v] += entry * weight[v];
    }
  }
};

// DFP16 without dot instructions: a pair a step, fissioned by shift and mask next to the two FMAs.
// A DFP16 number is the upper half of its float32, so that a pair read as one word holds the first
// entry after a shift and the second after a mask.
template <int kLanesOf>
struct FissionMath {
  static constexpr int kLanes = kLanesOf, kGroup = 2;
  static constexpr int kStepBytes = kLanes * 4;
  using F = typename Vectors<kLanes>::F;
  using U = typename Vectors<kLanes>::U;
  using ULoad = typename Vectors<kLanes>::ULoad;

  template <int kPixels, int kVectors>
  static DEFTNN_INLINE void Step(F (&acc)[kPixels][kVectors], const uint8_t* const (&x)[kPixels],
                                 int64_t offset, const uint8_t* w) {
    F weight[kVectors];
    DEFTNN_UNROLL for (int v = 0; v < kVectors; ++v) {
      weight[v] = (F)(*reinterpret_cast<const ULoad*>(w + v * kStepBytes) << 16);
    }
    DEFTNN_UNROLL for (int p = 0; p < kPixels; ++p) {
      const F entry = (F)((LoadWord(x[p] + offset) + U{}) << 16);
      DEFTNN_UNROLL for (int v = 0; v < kVectors; ++v) acc[p][v] += entry * weight[v];
    }
    DEFTNN_UNROLL for (int v = 0; v < kVectors; ++v) {
      weight[v] = (F)(*reinterpret_cast<const ULoad*>(w + v * kStepBytes) & 0xffff0000u);
    }
    DEFTNN_UNROLL for (int p = 0; p < kPixels; ++p) {
      const F entry = (F)((LoadWord(x[p] + offset) + U{}) & 0xffff0000u);
      DEFTNN_UNROLL for (int v = 0; v < kVectors; ++v) acc[p][v] += entry * weight[v];
    }
  }
};

// Sums `steps` steps onto `from` (rows of accumulators `from_stride` apart; 0 for the bias) into
// `to` (rows of the block's lanes).
template <class Math, int kVectors, int kPixels>
void Tile(const uint8_t* const* pixels, const uint8_t* w, const int32_t* offsets, int64_t steps,
          const float* from, int64_t from_stride, float* to) {
  using F = typename Math::F;
  using FLoad = typename Vectors<Math::kLanes>::FLoad;
  F acc[kPixels][kVectors];
  const uint8_t* x[kPixels];
  DEFTNN_UNROLL for (int p = 0; p < kPixels; ++p) {
    x[p] = pixels[p];
    DEFTNN_UNROLL for (int v = 0; v < kVectors; ++v) {
      acc[p][v] = *reinterpret_cast<const FLoad*>(from + p * from_stride + v * Math::kLanes);
    }
  }
  const int32_t* const end = offsets + steps;
  for (; offsets != end; ++offsets, w += kVectors * Math::kStepBytes) {
    Math::template Step<kPixels, kVectors>(acc, x, *offsets, w);
  }
  DEFTNN_UNROLL for (int p = 0; p < kPixels; ++p) {
    DEFTNN_UNROLL for (int v = 0; v < kVectors; ++v) {
      *reinterpret_cast<FLoad*>(to + (p * kVectors + v) * Math::kLanes) = acc[p][v];
    }
  }
}

using TileFunction = void (*)(const uint8_t* const*, const uint8_t*, const int32_t*, int64_t,
                              const float*, int64_t, float*);

// Tiles of 1 ... kPixels pixels by kVectors vectors, by their number of pixels.
template <class Math, int kVectors, int kPixels>
struct TileTable {
  static constexpr int kMaxPixels = kPixels;
  TileFunction of[kPixels + 1];
  constexpr TileTable() : of() { Fill<kPixels>(); }
  template <int kCount>
  constexpr void Fill() {
    of[kCount] = Tile<Math, kVectors, kCount>;
    if constexpr (kCount > 1) Fill<kCount - 1>();
  }
};

// Activations that are not a clamp, in place.
DEFTNN_INLINE void ActivateRow(const Job& job, float* row, int64_t count) {
  const hn::ScalableTag<float> d;
  const auto zero = hn::Zero(d), one = hn::Set(d, 1.0f);
  const auto alpha = hn::Set(d, job.alpha), beta = hn::Set(d, job.beta);
  for (int64_t i = 0; i < count; i += static_cast<int64_t>(hn::Lanes(d))) {
    const auto x = hn::LoadU(d, row + i);
    auto y = x;
    switch (job.activation) {
      case Activation::kLeakyRelu:
        y = hn::IfThenElse(hn::Lt(x, zero), hn::Mul(x, alpha), x);
        break;
      case Activation::kSigmoid:
        // exp(-88) is the least normal result; below it the quotient is 0 or 1 to float32 anyway.
        y = hn::Div(one, hn::Add(one, hn::Exp(d, hn::Neg(x))));
        y = hn::IfThenElse(hn::Lt(x, hn::Set(d, -88.0f)), zero, y);
        break;
      case Activation::kHardSigmoid:
        y = hn::Min(hn::Max(hn::MulAdd(alpha, x, beta), zero), one);
        break;
      case Activation::kHardSwish:
        y = hn::MulAdd(x, hn::Set(d, 1.0f / 6.0f), hn::Set(d, 0.5f));
        y = hn::Mul(x, hn::Min(hn::Max(y, zero), one));
        break;
      case Activation::kTanh:
        y = hn::Tanh(d, x);
        break;
      default:
        break;
    }
    y = hn::IfThenElse(hn::Eq(x, x), y, x);  // NaN stays NaN
    hn::StoreU(y, d, row + i);
  }
}

// Stores and loads of the outputs' rows; `count` of the last vector's lanes exist.
template <int kLanes>
struct RowAccess {
  using F = typename Vectors<kLanes>::F;
  using U = typename Vectors<kLanes>::U;
  using FLoad = typename Vectors<kLanes>::FLoad;
  typedef uint16_t H __attribute__((vector_size(kLanes * 2), may_alias));
  typedef uint16_t HLoad __attribute__((vector_size(kLanes * 2), may_alias, aligned(2)));

  // Round to nearest even; NaN stays NaN (quiet).
  static DEFTNN_INLINE H ToDfp16(F value) {
    const U bits = (U)value;
    const U rounded = bits + 0x7fffu + ((bits >> 16) & 1u);
    const U nan = (U)((bits & 0x7fffffffu) > 0x7f800000u);
    return __builtin_convertvector(((nan & (bits | 0x400000u)) | (~nan & rounded)) >> 16, H);
  }
  static DEFTNN_INLINE F FromDfp16(H value) { return (F)(__builtin_convertvector(value, U) << 16); }

  static DEFTNN_INLINE F Load(const uint8_t* p, bool dfp16, int64_t count) {
    if (count >= kLanes) {
      return dfp16 ? FromDfp16(*reinterpret_cast<const HLoad*>(p))
                   : F(*reinterpret_cast<const FLoad*>(p));
    }
    if (dfp16) {
      H part{};
      memcpy(&part, p, static_cast<size_t>(count) * 2);
      return FromDfp16(part);
    }
    F part{};
    memcpy(&part, p, static_cast<size_t>(count) * 4);
    return part;
  }
  static DEFTNN_INLINE void Store(uint8_t* p, F value, bool dfp16, int64_t count) {
    if (dfp16) {
      const H codes = ToDfp16(value);
      if (count >= kLanes) {
        *reinterpret_cast<HLoad*>(p) = codes;
      } else {
        memcpy(p, &codes, static_cast<size_t>(count) * 2);
      }
    } else if (count >= kLanes) {
      *reinterpret_cast<FLoad*>(p) = value;
    } else {
      memcpy(p, &value, static_cast<size_t>(count) * 4);
    }
  }
};

// Residual, activation and store of one pixel's `lanes` sums; `outputs` <= lanes of them exist.
template <int kLanes>
DEFTNN_INLINE void FinishRow(const Job& job, float* sums, const uint8_t* residual, uint8_t* y,
                             int64_t outputs) {
  using Row = RowAccess<kLanes>;
  using F = typename Vectors<kLanes>::F;
  using FLoad = typename Vectors<kLanes>::FLoad;
  const int64_t r_bytes = job.residual_dfp16 ? 2 : 4, y_bytes = job.y_dfp16 ? 2 : 4;
  if (job.activation != Activation::kNone) {
    for (int64_t i = 0; residual != nullptr && i < outputs; i += kLanes) {
      *reinterpret_cast<FLoad*>(sums + i) +=
          Row::Load(residual + i * r_bytes, job.residual_dfp16, outputs - i);
    }
    residual = nullptr;
    ActivateRow(job, sums, outputs);
  }
  const F low = job.low - F{}, high = job.high - F{};
  for (int64_t i = 0; i < outputs; i += kLanes) {
    F value = *reinterpret_cast<const FLoad*>(sums + i);
    if (residual != nullptr) {
      value += Row::Load(residual + i * r_bytes, job.residual_dfp16, outputs - i);
    }
    value = value < low ? low : value;  // NaN passes both
    value = value > high ? high : value;
    Row::Store(y + i * y_bytes, value, job.y_dfp16, outputs - i);
  }
}

// Where the pixels of one pixel block lie.
struct PixelBlock {
  const uint8_t* x[kPixelBlock];
  uint8_t* y[kPixelBlock];
  const uint8_t* residual[kPixelBlock];

  DEFTNN_INLINE void Fill(const Job& job, int64_t begin, int64_t end) {
    int64_t w = begin % job.out_width, rest = begin / job.out_width;
    int64_t h = rest % job.out_height, n = rest / job.out_height;
    for (int64_t i = 0; i < end - begin; ++i) {
      x[i] = job.x + n * job.x_image + h * job.x_row + w * job.x_pixel;
      y[i] = job.y + n * job.y_image + h * job.y_row + w * job.y_pixel;
      residual[i] = job.residual == nullptr
                        ? nullptr
                        : job.residual + n * job.r_image + h * job.r_row + w * job.r_pixel;
      if (++w == job.out_width) {
        w = 0;
        if (++h == job.out_height) h = 0, ++n;
      }
    }
  }
};

// One output block of one pixel block.
template <class Math>
DEFTNN_INLINE void RunBlock(const Job& job, PixelBlock& block, int64_t pixels, int64_t first_vector,
                            int64_t vectors, const TileFunction* tiles, int64_t max_pixels,
                            float* scratch) {
  const int64_t lanes = vectors * Math::kLanes;
  const int64_t first = first_vector * Math::kLanes;
  const uint8_t* weights = job.weights + first_vector * Math::kStepBytes * job.steps;
  const int64_t outputs = job.outputs - first < lanes ? job.outputs - first : lanes;
  const int64_t count = (pixels + max_pixels - 1) / max_pixels;
  for (int64_t k = 0; k == 0 || k < job.steps; k += job.steps_per_block) {
    const bool start = k == 0, finish = k + job.steps_per_block >= job.steps;
    const int64_t steps = finish ? job.steps - k : job.steps_per_block;
    for (int64_t tile = 0; tile < count; ++tile) {
      // Tiles of nearly equal size, so that none is too small to hide its loads.
      const int64_t begin = pixels * tile / count, end = pixels * (tile + 1) / count;
      float* sums = start && finish ? scratch : scratch + begin * lanes;
      tiles[end - begin](block.x + begin, weights + k * vectors * Math::kStepBytes, job.offsets + k,
                         steps, start ? job.bias + first : sums, start ? 0 : lanes, sums);
      if (!finish) continue;
      for (int64_t p = begin; p < end; ++p) {
        const uint8_t* residual = block.residual[p];
        FinishRow<Math::kLanes>(
            job, sums + (p - begin) * lanes,
            residual == nullptr ? nullptr : residual + first * (job.residual_dfp16 ? 2 : 4),
            block.y[p] + first * (job.y_dfp16 ? 2 : 4), outputs);
      }
    }
  }
}

// Shapes is a list of TileTables, one per number of vectors, from one vector up.
template <class Math, int... kPixels>
struct Runner {
  static constexpr int kMaxVectors = sizeof...(kPixels);
  static_assert(kMaxVectors * Math::kLanes <= kMaxBlockLanes);
  static constexpr int kMaxPixels[] = {0, kPixels...};

  template <int kVectors>
  static const TileFunction* Tiles() {
    static constexpr TileTable<Math, kVectors, kMaxPixels[kVectors]> kTable;
    return kTable.of;
  }
  template <int kVectors = 1>
  static DEFTNN_INLINE const TileFunction* TilesOf(int64_t vectors) {
    if constexpr (kVectors < kMaxVectors) {
      if (vectors > kVectors) return TilesOf<kVectors + 1>(vectors);
    }
    return Tiles<kVectors>();
  }

  static void Run(const Job& job, int64_t pixel_begin, int64_t pixel_end, int64_t block_begin,
                  int64_t block_end) {
    alignas(64) float scratch[kPixelBlock * kMaxVectors * Math::kLanes];
    PixelBlock block;
    const int64_t all = pixel_end - pixel_begin;
    const int64_t parts = (all + job.pixels_per_block - 1) / job.pixels_per_block;
    for (int64_t part = 0; part < parts; ++part) {
      const int64_t begin = pixel_begin + all * part / parts;
      const int64_t end = pixel_begin + all * (part + 1) / parts;
      block.Fill(job, begin, end);
      for (int64_t b = block_begin; b < block_end; ++b) {
        const int64_t first = job.FirstVector(b), vectors = job.FirstVector(b + 1) - first;
        RunBlock<Math>(job, block, end - begin, first, vectors, TilesOf(vectors),
                       kMaxPixels[vectors], scratch);
      }
    }
  }

  static constexpr Code MakeCode() {
    return {HWY_STATIC_TARGET, Math::kGroup, Math::kLanes, kMaxVectors, Run};
  }
};

}  // namespace
}  // namespace deftnn::gemm
