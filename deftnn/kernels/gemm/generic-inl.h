// The kernel itself, as templates over a Math: the step of one instruction set and format. Included
// by the per-ISA files only, each of which compiles it with its own flags; everything is therefore
// in an anonymous namespace.
//
// A register tile is `pixels` x `vectors` accumulators. One K step loads the block's weights, and
// for every pixel broadcasts the step's entries from x[pixel] + offsets[step] and multiplies. With
// the tile as large as the registers allow, the multiplications hide the loads, wherever the
// entries of an irregular K lie.
#pragma once

#include <string.h>

#include "deftnn/kernels/activation-inl.h"
#include "deftnn/kernels/gemm/kernel.h"

#if defined(__AVX512F__)
#include <immintrin.h>
#endif

#define DEFTNN_INLINE inline __attribute__((always_inline))
#define DEFTNN_UNROLL _Pragma("GCC unroll 32")

namespace deftnn::gemm {
namespace {

constexpr int kMaxTilePixels = 24;
constexpr int kLine = 64;                   // bytes of a cache line
constexpr int kToL2 = 2;                    // __builtin_prefetch's locality
constexpr int64_t kStreamAhead = 16 << 10;  // bytes

// Vectors of the compiler's own: arrays of these stay in registers where GCC spills arrays of
// __m512i and of Highway's structs.
template <int kLanes>
struct Vectors {
  typedef float F __attribute__((vector_size(kLanes * 4), may_alias));
  typedef uint32_t U __attribute__((vector_size(kLanes * 4), may_alias));
  typedef uint16_t H __attribute__((vector_size(kLanes * 2), may_alias));
  typedef float FLoad __attribute__((vector_size(kLanes * 4), may_alias, aligned(4)));
  typedef uint32_t ULoad __attribute__((vector_size(kLanes * 4), may_alias, aligned(4)));
  typedef uint16_t HLoad __attribute__((vector_size(kLanes * 2), may_alias, aligned(2)));
};

typedef uint32_t Word __attribute__((may_alias, aligned(1)));

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

// Conversions between float32 and DFP16.
template <int kLanes>
struct Codes {
  using F = typename Vectors<kLanes>::F;
  using U = typename Vectors<kLanes>::U;
  using H = typename Vectors<kLanes>::H;

  // Round to nearest even; NaN stays NaN (quiet).
  static DEFTNN_INLINE H Encode(F value) {
    const U bits = (U)value;
    const U rounded = bits + (0x7fffu + ((bits >> 16) & 1u));
    const U codes = (value != value ? bits | 0x400000u : rounded) >> 16;
#if defined(__AVX512F__)
    if constexpr (kLanes == 16) return (H)_mm512_cvtepi32_epi16((__m512i)codes);
#endif
    return __builtin_convertvector(codes, H);
  }
  static DEFTNN_INLINE F Decode(H codes) {
#if defined(__AVX512F__)
    // GCC 12 converts half by half.
    if constexpr (kLanes == 16) return (F)((U)_mm512_cvtepu16_epi32((__m256i)codes) << 16);
#endif
    return (F)(__builtin_convertvector(codes, U) << 16);
  }
};

// Loads and stores of `count` <= kLanes elements: the last vector of a pixel's outputs.
template <int kLanes, bool kDfp16>
struct PartAccess {
  using F = typename Vectors<kLanes>::F;
  using H = typename Vectors<kLanes>::H;
  using FLoad = typename Vectors<kLanes>::FLoad;
  using HLoad = typename Vectors<kLanes>::HLoad;
  static constexpr int kBytes = kDfp16 ? 2 : 4;

  static DEFTNN_INLINE F Load(const uint8_t* p) {
    if constexpr (kDfp16) {
      return Codes<kLanes>::Decode(*reinterpret_cast<const HLoad*>(p));
    } else {
      return *reinterpret_cast<const FLoad*>(p);
    }
  }
  static DEFTNN_INLINE void Store(uint8_t* p, F value) {
    if constexpr (kDfp16) {
      *reinterpret_cast<HLoad*>(p) = Codes<kLanes>::Encode(value);
    } else {
      *reinterpret_cast<FLoad*>(p) = value;
    }
  }
#if defined(__AVX512BW__) && defined(__AVX512VL__)
  static constexpr bool kCheap = kLanes == 16;  // as cheap as a whole vector
  using Mask = __mmask16;
  static DEFTNN_INLINE Mask MakeMask(int64_t count) {
    return static_cast<Mask>(count >= 16 ? 0xffff : (1 << count) - 1);
  }
  static DEFTNN_INLINE F LoadPart(const uint8_t* p, Mask mask) {
    if constexpr (kDfp16) {
      return Codes<kLanes>::Decode((H)_mm256_maskz_loadu_epi16(mask, p));
    } else {
      return (F)_mm512_maskz_loadu_ps(mask, p);
    }
  }
  static DEFTNN_INLINE void StorePart(uint8_t* p, F value, Mask mask) {
    if constexpr (kDfp16) {
      _mm256_mask_storeu_epi16(p, mask, (__m256i)Codes<kLanes>::Encode(value));
    } else {
      _mm512_mask_storeu_ps(p, mask, (__m512)value);
    }
  }
#else
  static constexpr bool kCheap = false;
  using Mask = int64_t;
  static DEFTNN_INLINE Mask MakeMask(int64_t count) { return count < kLanes ? count : kLanes; }
  static DEFTNN_INLINE F LoadPart(const uint8_t* p, Mask count) {
    alignas(64) uint8_t part[kLanes * kBytes] = {};
    for (int64_t i = 0; i < count * kBytes; i += kBytes) CopyOne(part + i, p + i);
    return Load(part);
  }
  static DEFTNN_INLINE void StorePart(uint8_t* p, F value, Mask count) {
    alignas(64) uint8_t part[kLanes * kBytes];
    Store(part, value);
    for (int64_t i = 0; i < count * kBytes; i += kBytes) CopyOne(p + i, part + i);
  }
  static DEFTNN_INLINE void CopyOne(uint8_t* to, const uint8_t* from) { memcpy(to, from, kBytes); }
#endif
};

// What a tile does with a pixel's outputs while they are in registers: in the kernel's own format.
template <int kLanes, bool kDfp16>
struct OwnRow {
  using Part = PartAccess<kLanes, kDfp16>;
  using F = typename Vectors<kLanes>::F;
  using Tail = typename Part::Mask;
  static constexpr bool kOwnDfp16 = kDfp16;
  // Without masks, a block with lanes that are no outputs takes the way through memory.
  static constexpr bool kAnyCount = Part::kCheap;

  static DEFTNN_INLINE Tail MakeTail(int64_t count) { return Part::MakeMask(count); }
  template <int kVectors>
  static DEFTNN_INLINE void Add(F (&acc)[kVectors], const uint8_t* residual, Tail tail) {
    DEFTNN_UNROLL for (int v = 0; v < kVectors; ++v) {
      const uint8_t* from = residual + v * kLanes * Part::kBytes;
      if (kAnyCount && v == kVectors - 1) {
        acc[v] += Part::LoadPart(from, tail);
      } else {
        acc[v] += Part::Load(from);
      }
    }
  }
  template <int kVectors>
  static DEFTNN_INLINE void Store(uint8_t* y, const F (&acc)[kVectors], Tail tail) {
    DEFTNN_UNROLL for (int v = 0; v < kVectors; ++v) {
      uint8_t* to = y + v * kLanes * Part::kBytes;
      if (kAnyCount && v == kVectors - 1) {
        Part::StorePart(to, acc[v], tail);
      } else {
        Part::Store(to, acc[v]);
      }
    }
  }
};

// fp32: one entry a step.
template <int kLanesOf>
struct Fp32Math {
  static constexpr int kLanes = kLanesOf, kGroup = 1;
  static constexpr int kStepBytes = kLanes * 4;  // of weights, per vector
  using F = typename Vectors<kLanes>::F;
  using FLoad = typename Vectors<kLanes>::FLoad;
  using Row = OwnRow<kLanes, false>;

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

// A word in every lane. Left to itself, GCC loads each word once for both of its halves and shifts
// and masks it in a general register (a move and a shuffle each), or keeps the words in vector
// registers that the accumulators need.
template <int kLanes>
DEFTNN_INLINE typename Vectors<kLanes>::U BroadcastWord(const uint8_t* p) {
  typename Vectors<kLanes>::U word;
#if defined(__AVX512F__)
  asm volatile("vpbroadcastd %1, %0" : "=v"(word) : "m"(*reinterpret_cast<const Word*>(p)));
#elif defined(__AVX2__)
  asm volatile("vpbroadcastd %1, %0" : "=x"(word) : "m"(*reinterpret_cast<const Word*>(p)));
#else
  word = LoadWord(p) + typename Vectors<kLanes>::U{};
#endif
  return word;
}

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
  using Row = OwnRow<kLanes, true>;

  template <int kPixels, int kVectors>
  static DEFTNN_INLINE void Step(F (&acc)[kPixels][kVectors], const uint8_t* const (&x)[kPixels],
                                 int64_t offset, const uint8_t* w) {
    F weight[kVectors];
    DEFTNN_UNROLL for (int v = 0; v < kVectors; ++v) {
      weight[v] = (F)(*reinterpret_cast<const ULoad*>(w + v * kStepBytes) << 16);
    }
    DEFTNN_UNROLL for (int p = 0; p < kPixels; ++p) {
      const F entry = (F)(BroadcastWord<kLanes>(x[p] + offset) << 16);
      DEFTNN_UNROLL for (int v = 0; v < kVectors; ++v) acc[p][v] += entry * weight[v];
    }
    DEFTNN_UNROLL for (int v = 0; v < kVectors; ++v) {
      weight[v] = (F)(*reinterpret_cast<const ULoad*>(w + v * kStepBytes) & 0xffff0000u);
    }
    DEFTNN_UNROLL for (int p = 0; p < kPixels; ++p) {
      const F entry = (F)(BroadcastWord<kLanes>(x[p] + offset) & 0xffff0000u);
      DEFTNN_UNROLL for (int v = 0; v < kVectors; ++v) acc[p][v] += entry * weight[v];
    }
  }
};

// Where a tile's sums go.
struct TileEnd {
  float* sums;                     // rows of the block's lanes; used where y is null
  uint8_t* const* y;               // by pixel: its first output, in the kernel's own format
  const uint8_t* const* residual;  // by pixel, likewise; null without one
  int64_t y_offset, r_offset;      // bytes from there to the block's first output
  float low, high;                 // clamp
  bool has_low, has_high;
  int64_t outputs;       // of the block's lanes that exist: in the last vector
  const uint8_t* ahead;  // weights to bring into L2 meanwhile: `ahead_step` bytes each K step
  int64_t ahead_step;
};

// Sums `steps` steps onto `from` (rows of accumulators `from_stride` apart; 0 for the bias), and
// either stores the sums or finishes them in the registers.
template <class Math, int kVectors, int kPixels>
void Tile(const uint8_t* const* pixels, const uint8_t* w, const int32_t* offsets, int64_t steps,
          const float* from, int64_t from_stride, const TileEnd& end) {
  using F = typename Math::F;
  using FLoad = typename Vectors<Math::kLanes>::FLoad;
  F acc[kPixels][kVectors];
  const uint8_t* x[kPixels];
  DEFTNN_UNROLL for (int p = 0; p < kPixels; ++p) x[p] = pixels[p];
  if (from_stride == 0) {
    DEFTNN_UNROLL for (int v = 0; v < kVectors; ++v) {
      const F bias = *reinterpret_cast<const FLoad*>(from + v * Math::kLanes);
      DEFTNN_UNROLL for (int p = 0; p < kPixels; ++p) acc[p][v] = bias;
    }
  } else {
    DEFTNN_UNROLL for (int p = 0; p < kPixels; ++p) {
      DEFTNN_UNROLL for (int v = 0; v < kVectors; ++v) {
        acc[p][v] = *reinterpret_cast<const FLoad*>(from + p * from_stride + v * Math::kLanes);
      }
    }
  }
  // Wide tiles only: their steps leave room for it, and their layers are the large ones.
  constexpr bool kAhead = kVectors * Math::kStepBytes >= 2 * kLine;
  const uint8_t* ahead = end.ahead;
  const int64_t ahead_step = end.ahead_step;
  const int32_t* const last = offsets + steps;
  for (; offsets != last; ++offsets, w += kVectors * Math::kStepBytes) {
    if constexpr (kAhead) {
      __builtin_prefetch(ahead, 0, kToL2);
      __builtin_prefetch(ahead + kLine, 0, kToL2);
      ahead += ahead_step;
    }
    Math::template Step<kPixels, kVectors>(acc, x, *offsets, w);
  }
  if (end.y == nullptr) {
    DEFTNN_UNROLL for (int p = 0; p < kPixels; ++p) {
      DEFTNN_UNROLL for (int v = 0; v < kVectors; ++v) {
        *reinterpret_cast<FLoad*>(end.sums + (p * kVectors + v) * Math::kLanes) = acc[p][v];
      }
    }
    return;
  }
  using Row = typename Math::Row;
  const typename Row::Tail tail = Row::MakeTail(end.outputs - (kVectors - 1) * Math::kLanes);
  if (end.residual != nullptr) {
    DEFTNN_UNROLL for (int p = 0; p < kPixels; ++p) {
      Row::template Add<kVectors>(acc[p], end.residual[p] + end.r_offset, tail);
    }
  }
  if (end.has_low) {
    const F low = end.low - F{};
    DEFTNN_UNROLL for (int p = 0; p < kPixels; ++p) {
      // This order lets NaN pass, and is one instruction.
      DEFTNN_UNROLL for (int v = 0; v < kVectors; ++v) acc[p][v] =
          low > acc[p][v] ? low : acc[p][v];
    }
  }
  if (end.has_high) {
    const F high = end.high - F{};
    DEFTNN_UNROLL for (int p = 0; p < kPixels; ++p) {
      DEFTNN_UNROLL for (int v = 0; v < kVectors; ++v) {
        acc[p][v] = high < acc[p][v] ? high : acc[p][v];
      }
    }
  }
  uint8_t* const* const y = end.y;  // `end` might lie where is stored to, for all GCC knows
  const int64_t y_offset = end.y_offset;
  DEFTNN_UNROLL for (int p = 0; p < kPixels; ++p) {
    Row::template Store<kVectors>(y[p] + y_offset, acc[p], tail);
  }
}

using TileFunction = void (*)(const uint8_t* const*, const uint8_t*, const int32_t*, int64_t,
                              const float*, int64_t, const TileEnd&);

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

// The general way, through memory: residual, activation and store of one pixel's sums, `outputs` of
// which exist.
template <int kLanes, bool kResidualDfp16>
DEFTNN_INLINE void AddRow(float* sums, const uint8_t* residual, int64_t outputs) {
  using Part = PartAccess<kLanes, kResidualDfp16>;
  using FLoad = typename Vectors<kLanes>::FLoad;
  for (int64_t i = 0; i < outputs; i += kLanes) {
    const uint8_t* from = residual + i * Part::kBytes;
    *reinterpret_cast<FLoad*>(sums + i) += outputs - i >= kLanes
                                               ? Part::Load(from)
                                               : Part::LoadPart(from, Part::MakeMask(outputs - i));
  }
}

template <int kLanes, bool kYDfp16>
DEFTNN_INLINE void StoreRow(const Job& job, const float* sums, uint8_t* y, int64_t outputs) {
  using Part = PartAccess<kLanes, kYDfp16>;
  using F = typename Vectors<kLanes>::F;
  using FLoad = typename Vectors<kLanes>::FLoad;
  const F low = job.low - F{}, high = job.high - F{};
  for (int64_t i = 0; i < outputs; i += kLanes) {
    F value = *reinterpret_cast<const FLoad*>(sums + i);
    value = low > value ? low : value;  // NaN passes both
    value = high < value ? high : value;
    if (outputs - i >= kLanes) {
      Part::Store(y + i * Part::kBytes, value);
    } else {
      Part::StorePart(y + i * Part::kBytes, value, Part::MakeMask(outputs - i));
    }
  }
}

template <int kLanes>
DEFTNN_INLINE void FinishRow(const Job& job, float* sums, const uint8_t* residual, uint8_t* y,
                             int64_t outputs) {
  if (residual != nullptr) {
    if (job.residual_dfp16) {
      AddRow<kLanes, true>(sums, residual, outputs);
    } else {
      AddRow<kLanes, false>(sums, residual, outputs);
    }
  }
  if (job.activation != Activation::kNone) {
    ActivateLong({job.activation, job.alpha, job.beta}, sums, outputs);
  }
  if (job.y_dfp16) {
    StoreRow<kLanes, true>(job, sums, y, outputs);
  } else {
    StoreRow<kLanes, false>(job, sums, y, outputs);
  }
}

// Where the pixels of one pixel block lie.
template <int kMost>
struct PixelAddresses {
  const uint8_t* x[kMost];
  uint8_t* y[kMost];
  const uint8_t* residual[kMost];  // of a job with one

  DEFTNN_INLINE void Fill(const Job& job, int64_t begin, int64_t end) {
    int64_t w = begin % job.out_width, rest = begin / job.out_width;
    int64_t h = rest % job.out_height, n = rest / job.out_height;
    for (int64_t i = 0; i < end - begin;) {
      const int64_t left = end - begin - i, row = job.out_width - w, run = row < left ? row : left;
      Row(job.x + n * job.x_image + h * job.x_row + w * job.x_pixel, job.x_pixel, run, x + i);
      Row(job.y + n * job.y_image + h * job.y_row + w * job.y_pixel, job.y_pixel, run, y + i);
      if (job.residual != nullptr) {
        Row(job.residual + n * job.r_image + h * job.r_row + w * job.r_pixel, job.r_pixel, run,
            residual + i);
      }
      i += run;
      w = 0;
      if (++h == job.out_height) h = 0, ++n;
    }
  }

 private:
  template <typename T>
  static DEFTNN_INLINE void Row(T* first, int64_t step, int64_t count, T** pixels) {
    // GCC 12 stores them one by one.
    typedef uint64_t Eight __attribute__((vector_size(64), may_alias, aligned(8)));
    const uint64_t start = reinterpret_cast<uint64_t>(first), one = static_cast<uint64_t>(step);
    Eight at = start + Eight{0, 1, 2, 3, 4, 5, 6, 7} * one;
    int64_t i = 0;
    for (; i + 8 <= count; i += 8, at += 8 * one) *reinterpret_cast<Eight*>(pixels + i) = at;
    for (; i < count; ++i) pixels[i] = first + i * step;
  }
};

using PixelBlock = PixelAddresses<kPixelBlock>;

// One output block, as its tiles see it.
struct OutputBlock {
  const uint8_t* weights;
  const float* bias;
  int64_t lanes, outputs;      // outputs <= lanes of them exist
  int64_t y_offset, r_offset;  // bytes from a pixel's first output
  int64_t max_pixels;
  const TileFunction* tiles;
  bool in_registers;  // finished there; else through memory
};

template <class Math>
DEFTNN_INLINE OutputBlock MakeOutputBlock(const Job& job, int64_t first_vector, int64_t vectors,
                                          const TileFunction* tiles, int64_t max_pixels) {
  using Row = typename Math::Row;
  const int64_t lanes = vectors * Math::kLanes, first = first_vector * Math::kLanes;
  OutputBlock block;
  block.weights = job.weights + first_vector * Math::kStepBytes * job.steps;
  block.bias = job.bias + first;
  block.lanes = lanes;
  block.outputs = job.outputs - first < lanes ? job.outputs - first : lanes;
  block.y_offset = first * (job.y_dfp16 ? 2 : 4);
  block.r_offset = first * (job.residual_dfp16 ? 2 : 4);
  block.max_pixels = max_pixels;
  block.tiles = tiles;
  block.in_registers = job.activation == Activation::kNone && job.y_dfp16 == Row::kOwnDfp16 &&
                       (job.residual == nullptr || job.residual_dfp16 == Row::kOwnDfp16) &&
                       (Row::kAnyCount || block.outputs == lanes);
  return block;
}

template <class Math>
DEFTNN_INLINE void RunBlock(const Job& job, const PixelBlock& pixels, int64_t pixel_count,
                            const OutputBlock& block, float* scratch) {
  const int64_t count = (pixel_count + block.max_pixels - 1) / block.max_pixels;
  const int64_t step_bytes = block.lanes / Math::kLanes * Math::kStepBytes;
  TileEnd end;
  end.low = job.low;
  end.high = job.high;
  end.has_low = job.has_low;
  end.has_high = job.has_high;
  end.outputs = block.outputs;
  // The tiles of a block of K bring the next one's weights, which lie behind it, into the cache.
  // Of a single tile, they are one stream.
  const bool stream = count == 1 && job.prefetch;
  end.ahead_step = count > 1 || stream ? step_bytes / count : 0;
  end.y_offset = block.y_offset;
  end.r_offset = block.r_offset;
  for (int64_t k = 0; k == 0 || k < job.steps; k += job.steps_per_block) {
    const bool start = k == 0, finish = k + job.steps_per_block >= job.steps;
    const int64_t steps = finish ? job.steps - k : job.steps_per_block;
    const bool in_registers = finish && block.in_registers;
    for (int64_t tile = 0; tile < count; ++tile) {
      // Tiles of nearly equal size, so that none is too small to hide its loads.
      const int64_t first = pixel_count * tile / count;
      const int64_t size = pixel_count * (tile + 1) / count - first;
      end.y = in_registers ? pixels.y + first : nullptr;
      end.residual = job.residual != nullptr ? pixels.residual + first : nullptr;
      end.sums = start && finish ? scratch : scratch + first * block.lanes;
      end.ahead = stream ? block.weights + k * step_bytes + kStreamAhead
                         : block.weights + (k + steps + steps * tile / count) * step_bytes;
      block.tiles[size](pixels.x + first, block.weights + k * step_bytes, job.offsets + k, steps,
                        start ? block.bias : end.sums, start ? 0 : block.lanes, end);
      if (finish && !block.in_registers) {
        for (int64_t p = 0; p < size; ++p) {
          FinishRow<Math::kLanes>(
              job, end.sums + p * block.lanes,
              job.residual != nullptr ? pixels.residual[first + p] + block.r_offset : nullptr,
              pixels.y[first + p] + block.y_offset, block.outputs);
        }
      }
    }
  }
}

// Shapes is a list of TileTables, one per number of vectors, from one vector up.
template <class Math, int... kPixels>
struct Runner {
  static constexpr int kMaxVectors = sizeof...(kPixels);
  static_assert(kMaxVectors * Math::kLanes <= kMaxBlockLanes);
  static_assert(((kPixels <= kMaxTilePixels) && ...));
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
        const OutputBlock output =
            MakeOutputBlock<Math>(job, first, vectors, TilesOf(vectors), kMaxPixels[vectors]);
        RunBlock<Math>(job, block, end - begin, output, scratch);
      }
    }
  }

  static constexpr Code MakeCode() {
    return {HWY_STATIC_TARGET, Math::kGroup, Math::kLanes, kMaxVectors, 1, Run};
  }
};

}  // namespace
}  // namespace deftnn::gemm
