// The AMX kernel, as a template over the tile unit: the hardware's (amx_bf16.cc) or a scalar
// emulation of it (amx_bf16_emulated_test.cc), so that the same code is tested on any CPU.
//
// A tile holds up to 16 rows of 64 bytes. The weights are laid out as for vdpbf16ps, which is what
// a B tile wants: up to 16 steps (pairs of entries) by 16 outputs. A row of an A tile is a chunk of
// K of one pixel: up to 32 entries (tile_table.h). Where they are one run of memory, the tile unit
// reads them in place, pixel by pixel. Where they are not, they are copied together once for all
// outputs: a few vector loads, each permuted into its places (ChunkSource).
//
// The sums of two strips of pixels by two vectors of outputs stay in tiles for all of K; of four
// strips where there is one vector.
#pragma once

#include "deftnn/kernels/gemm/generic-inl.h"

#if defined(__AVX512BF16__)
#include "deftnn/kernels/dot-inl.h"
#endif

namespace deftnn::gemm {
namespace {

constexpr int kVectorBytes = 64;

// Neighbouring pixels whose inputs make one A tile. Rows outside [begin, end) are pixels of another
// strip or share, computed again and not stored, so that all tiles have one height.
struct Strip {
  const uint8_t* x;    // the window of row 0's pixel
  int32_t first_row;   // the pixel of row 0 within the block, where the block is one line
  int32_t first_kept;  // the pixel of row `begin` within the block
  int32_t begin, end;
};

template <class Tiles>
struct AmxRunner {
  static constexpr int kBlockVectors = 2;
  static constexpr int kLanes = kBlockVectors * 16;
  static constexpr int kSums = 4;  // tiles
  static constexpr int64_t kLeastRows = 4;
  // Each image row that a block touches may add one to the block's full strips.
  static constexpr int kMaxStrips = 2 * kTilePixelBlock / kLeastTileRows + 4;

  struct Block {
    PixelAddresses<kTilePixelBlock> pixels;
    Strip strips[kMaxStrips];
    int64_t count = 0;  // of strips
    int64_t rows = 0;   // of each
    alignas(64) float sums[2][kSums * kTileRows * kLanes];
    int turn = 0;  // which of them comes next
  };

  static DEFTNN_INLINE int64_t Least(int64_t a, int64_t b) { return a < b ? a : b; }

  // An even number of strips, as they go by two.
  static void LineStrips(int64_t pixels, Block& block) {
    int64_t count = (pixels + kTileRows - 1) / kTileRows;
    if (count > 1) count += count % 2;
    block.rows = (pixels + count - 1) / count;
    block.count = 0;
    for (int64_t at = 0; at < pixels; at += block.rows) {
      const int64_t first = Least(at, pixels - block.rows);
      block.strips[block.count++] = {block.pixels.x[first], static_cast<int32_t>(first),
                                     static_cast<int32_t>(at), static_cast<int32_t>(at - first),
                                     static_cast<int32_t>(block.rows)};
    }
  }

  static void RowStrips(const Job& job, int64_t begin, int64_t end, Block& block) {
    block.rows = job.tile_pixels;
    block.count = 0;
    int64_t column = begin % job.out_width;
    for (int64_t at = 0; at < end - begin;) {
      const int64_t run = Least(end - begin - at, job.out_width - column);
      for (int64_t i = 0; i < run; i += block.rows) {
        const int64_t shift = column + i - Least(column + i, job.out_width - block.rows);
        const int64_t kept = Least(block.rows - shift, run - i);
        block.strips[block.count++] = {block.pixels.x[at + i] - shift * job.x_pixel, 0,
                                       static_cast<int32_t>(at + i), static_cast<int32_t>(shift),
                                       static_cast<int32_t>(shift + kept)};
      }
      at += run;
      column = 0;
    }
  }

  static DEFTNN_INLINE uint8_t* Packed(const Job& job, const Block& block, int64_t strip) {
    return job.scratch + strip * job.packed_chunks * block.rows * kChunkBytes;
  }

  static DEFTNN_INLINE const uint8_t* WindowOf(const Job& job, const Block& block,
                                               const Strip& strip, int64_t row) {
    return job.one_line ? block.pixels.x[strip.first_row + row] : strip.x + row * job.x_pixel;
  }

  // One chunk of a strip's pixels, from kSources sources (0: any number).
  template <int kSources>
  static void CopyChunk(const Job& job, const Block& block, const Strip& strip, const Chunk& chunk,
                        uint8_t* to) {
    const ChunkSource* sources = job.sources + chunk.source_begin;
    const int count = kSources != 0 ? kSources : chunk.source_end - chunk.source_begin;
    for (int64_t row = 0; row < block.rows; ++row, to += kChunkBytes) {
      const uint8_t* x = WindowOf(job, block, strip, row);
#if defined(__AVX512BW__)
      __m512i words = _mm512_setzero_si512();
      _Pragma("GCC unroll 4") for (int s = 0; s < count; ++s) {
        words = _mm512_mask_permutexvar_epi16(words, sources[s].mask,
                                              _mm512_load_si512(sources[s].index),
                                              _mm512_loadu_si512(x + sources[s].offset));
      }
      _mm512_store_si512(to, words);
#else
      memset(to, 0, kChunkBytes);
      for (int s = 0; s < count; ++s) {
        for (int i = 0; i < kChunkBytes / 2; ++i) {
          if (sources[s].mask >> i & 1) {
            memcpy(to + 2 * i, x + sources[s].offset + 2 * sources[s].index[i], 2);
          }
        }
      }
#endif
    }
  }

  static void CopyRun(const Job& job, const Block& block, const Strip& strip, const Chunk& chunk,
                      uint8_t* to) {
    for (int64_t row = 0; row < block.rows; ++row, to += kChunkBytes) {
      const uint8_t* x = WindowOf(job, block, strip, row);
      memcpy(to, x + chunk.offset, kChunkBytes);
    }
  }

  using Copy = void (*)(const Job&, const Block&, const Strip&, const Chunk&, uint8_t*);
  static Copy CopyOf(const Chunk& chunk) {
    static constexpr Copy kBySources[] = {CopyChunk<0>, CopyChunk<1>, CopyChunk<2>, CopyChunk<3>,
                                          CopyChunk<4>};
    if (chunk.run) return CopyRun;
    const int sources = chunk.source_end - chunk.source_begin;
    return kBySources[sources <= 4 ? sources : 0];
  }

  static void CopyChunks(const Job& job, const Block& block) {
    for (int64_t s = 0; s < block.count; ++s) {
      uint8_t* packed = Packed(job, block, s);
      for (int64_t c = 0; c < job.chunk_count; ++c) {
        const Chunk& chunk = job.chunks[c];
        if (chunk.packed < 0) continue;
        uint8_t* to = packed + chunk.packed * block.rows * kChunkBytes;
        CopyOf(chunk)(job, block, block.strips[s], chunk, to);
      }
    }
  }

  // Sums that wait in memory for their residual, activation, rounding and store: the vector units
  // do that while the tile unit multiplies what comes next.
  struct Pending {
    const Strip* strip = nullptr;
    int64_t strips = 0;  // from `strip` on
    int64_t row = 0;     // the next one of `strip`
    float* sums = nullptr;
    int64_t first = 0, outputs = 0;
    int64_t at_once = 0;  // rows for each chunk of K that is multiplied
  };

  // The next rows, of one strip, as many as `at_once` says at most.
  static void FinishSome(const Job& job, const Block& block, Pending& pending) {
    const Strip& strip = *pending.strip;
    const int64_t rows = Least(pending.at_once, strip.end - pending.row);
    const int64_t pixel = strip.first_kept + pending.row - strip.begin;
    float* sums = pending.sums + pending.row * kLanes;
    FinishRows(job, sums, pending, block.pixels.y + pixel,
               job.residual == nullptr ? nullptr : block.pixels.residual + pixel, rows);
    pending.row += rows;
    if (pending.row < strip.end) return;
    pending.sums += kTileRows * kLanes;
    ++pending.strip;
    if (--pending.strips > 0) pending.row = pending.strip->begin;
  }

  static DEFTNN_INLINE void FinishRows(const Job& job, float* sums, const Pending& pending,
                                       uint8_t* const* y, const uint8_t* const* residual,
                                       int64_t rows) {
    const int64_t y_offset = pending.first * (job.y_dfp16 ? 2 : 4);
    const int64_t r_offset = pending.first * (job.residual_dfp16 ? 2 : 4);
#if defined(__AVX512BF16__)
    if (job.activation == Activation::kNone && job.y_dfp16 &&
        (residual == nullptr || job.residual_dfp16)) {
      if (residual == nullptr) {
        FinishInRegisters<false>(job, sums, y, y_offset, residual, r_offset, rows, pending.outputs);
      } else {
        FinishInRegisters<true>(job, sums, y, y_offset, residual, r_offset, rows, pending.outputs);
      }
      return;
    }
#endif
    for (int64_t r = 0; r < rows; ++r, sums += kLanes) {
      FinishRow<static_cast<int>(deftnn::kLanes)>(
          job, sums, residual == nullptr ? nullptr : residual[r] + r_offset, y[r] + y_offset,
          pending.outputs);
    }
  }

#if defined(__AVX512BF16__)
  static DEFTNN_INLINE __m512 Widen(__m256i codes) {
    return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(codes), 16));
  }

  template <bool kResidual>
  static DEFTNN_INLINE void FinishInRegisters(const Job& job, const float* sums, uint8_t* const* y,
                                              int64_t y_offset, const uint8_t* const* residual,
                                              int64_t r_offset, int64_t rows, int64_t outputs) {
    const bool whole = outputs >= kLanes;
    const __mmask32 mask = static_cast<__mmask32>(whole ? ~0u : (1u << outputs) - 1);
    const __m512 low = _mm512_set1_ps(job.low), high = _mm512_set1_ps(job.high);
    int64_t r = 0;
    if (outputs <= kLanes / 2) {  // two rows at once
      const __mmask16 half = static_cast<__mmask16>(mask);
      for (; r + 2 <= rows; r += 2, sums += 2 * kLanes) {
        __m512 a = _mm512_load_ps(sums), b = _mm512_load_ps(sums + kLanes);
        if constexpr (kResidual) {
          a = _mm512_add_ps(a, Widen(_mm256_maskz_loadu_epi16(half, residual[r] + r_offset)));
          b = _mm512_add_ps(b, Widen(_mm256_maskz_loadu_epi16(half, residual[r + 1] + r_offset)));
        }
        const __m512i codes = ClampedCodes(a, b, low, high, job.has_high);
        _mm256_mask_storeu_epi16(y[r] + y_offset, half, _mm512_castsi512_si256(codes));
        _mm256_mask_storeu_epi16(y[r + 1] + y_offset, half, _mm512_extracti64x4_epi64(codes, 1));
      }
    }
    for (; r < rows; ++r, sums += kLanes) {
      __m512 a = _mm512_load_ps(sums), b = _mm512_load_ps(sums + 16);
      if constexpr (kResidual) {
        const uint8_t* from = residual[r] + r_offset;
        // Two loads: taking a register in two halves costs the shuffle unit.
        if (whole) {
          a = _mm512_add_ps(a, Widen(_mm256_loadu_epi16(from)));
          b = _mm512_add_ps(b, Widen(_mm256_loadu_epi16(from + 32)));
        } else {
          a = _mm512_add_ps(a, Widen(_mm256_maskz_loadu_epi16(static_cast<__mmask16>(mask), from)));
          b = _mm512_add_ps(
              b, Widen(_mm256_maskz_loadu_epi16(static_cast<__mmask16>(mask >> 16), from + 32)));
        }
      }
      const __m512i codes = ClampedCodes(a, b, low, high, job.has_high);
      if (whole) {
        _mm512_storeu_si512(y[r] + y_offset, codes);
      } else {
        _mm512_mask_storeu_epi16(y[r] + y_offset, mask, codes);
      }
    }
  }
#endif

  static DEFTNN_INLINE void FinishAll(const Job& job, const Block& block, Pending& pending) {
    while (pending.strips > 0) FinishSome(job, block, pending);
  }

  // Weights to bring into L2 meanwhile: `lines` cache lines for each chunk.
  struct Ahead {
    const uint8_t* at;
    int64_t lines;
  };

  // sums[row][lane] = bias + A . B over all of K for some strips by one or two vectors. The sums of
  // strip s and vector v are tile s * kVectors + v.
  template <int kStrips, int kVectors>
  static void Multiply(Tiles& tiles, const Job& job, const Block& block, int64_t strip,
                       const uint8_t* w, const float* bias, Ahead ahead, float* sums,
                       Pending& pending) {
    static_assert(kStrips * kVectors <= kSums);
    constexpr int64_t kStepBytes = kVectors * kVectorBytes;
    constexpr int64_t kSumStride = kLanes * 4;
    const Strip* const strips = block.strips + strip;
    const uint8_t* const packed = Packed(job, block, strip);
    const int64_t tile_bytes = block.rows * kChunkBytes;
    const int64_t strip_bytes = job.packed_chunks * tile_bytes;
    const int64_t chunk_bytes = job.chunk_steps * kStepBytes;
    tiles.template Load<0>(bias, 0);
    if constexpr (kVectors == 2) tiles.template Load<1>(bias + 16, 0);
    if constexpr (kStrips > 1) tiles.template Load<kVectors>(bias, 0);
    if constexpr (kStrips == 2 && kVectors == 2) tiles.template Load<3>(bias + 16, 0);
    if constexpr (kStrips == 4) tiles.template Load<2>(bias, 0), tiles.template Load<3>(bias, 0);
    const Chunk* const last = job.chunks + job.chunk_count;
    for (const Chunk* chunk = job.chunks; chunk != last; ++chunk, w += chunk_bytes) {
      for (int64_t i = 0; i < ahead.lines; ++i, ahead.at += kLine) {
        __builtin_prefetch(ahead.at, 0, kToL2);
      }
      const bool in_place = chunk->packed < 0;
      const int64_t stride = in_place ? job.x_pixel : kChunkBytes;
      const auto input = [&](int64_t s) {
        return in_place ? strips[s].x + chunk->offset
                        : packed + s * strip_bytes + chunk->packed * tile_bytes;
      };
      tiles.template Load<4>(input(0), stride);
      tiles.template Load<6>(w, kStepBytes);
      tiles.template Multiply<0, 4, 6>();
      if constexpr (kVectors == 2) {
        tiles.template Load<7>(w + kVectorBytes, kStepBytes);
        tiles.template Multiply<1, 4, 7>();
      }
      if constexpr (kStrips > 1) {
        tiles.template Load<5>(input(1), stride);
        tiles.template Multiply<kVectors, 5, 6>();
      }
      if constexpr (kStrips == 2 && kVectors == 2) tiles.template Multiply<3, 5, 7>();
      if constexpr (kStrips == 4) {
        tiles.template Load<4>(input(2), stride);
        tiles.template Multiply<2, 4, 6>();
        tiles.template Load<5>(input(3), stride);
        tiles.template Multiply<3, 5, 6>();
      }
      if (pending.strips > 0) FinishSome(job, block, pending);
    }
    constexpr int64_t kStripSums = kTileRows * kLanes;
    tiles.template Store<0>(sums, kSumStride);
    if constexpr (kVectors == 2) tiles.template Store<1>(sums + 16, kSumStride);
    if constexpr (kStrips > 1) tiles.template Store<kVectors>(sums + kStripSums, kSumStride);
    if constexpr (kStrips == 2 && kVectors == 2) {
      tiles.template Store<3>(sums + kStripSums + 16, kSumStride);
    }
    if constexpr (kStrips == 4) {
      tiles.template Store<2>(sums + 2 * kStripSums, kSumStride);
      tiles.template Store<3>(sums + 3 * kStripSums, kSumStride);
    }
  }

  // Strips from `s` on, below `last`, by output block `b`; returns how many.
  static int64_t RunTiles(const Job& job, Tiles& tiles, Block& block, int64_t s, int64_t last,
                          int64_t b, Pending& pending) {
    const int64_t first = job.FirstVector(b), vectors = job.FirstVector(b + 1) - first;
    const uint8_t* w = job.weights + first * kVectorBytes * job.steps;
    const int64_t at_most = vectors == 2 ? 2 : 4, left = last - s;
    const int64_t strips = left >= at_most ? at_most : left >= 2 ? 2 : 1;
    Ahead ahead = {w, 0};
    if (job.prefetch) {
      const int64_t passes = (block.count + at_most - 1) / at_most;
      ahead.lines = (job.chunk_steps * vectors + passes - 1) / passes;
      // Read once, the weights are one stream; read by several strips, a block at a time.
      ahead.at += passes == 1 ? kStreamAhead
                              : job.steps * vectors * kVectorBytes +
                                    s / at_most * ahead.lines * job.chunk_count * kLine;
    }
    float* const sums = block.sums[block.turn];
    block.turn ^= 1;
    const auto multiply = vectors == 2  ? (strips == 2 ? Multiply<2, 2> : Multiply<1, 2>)
                          : strips == 4 ? Multiply<4, 1>
                                        : (strips == 2 ? Multiply<2, 1> : Multiply<1, 1>);
    multiply(tiles, job, block, s, w, job.bias + first * 16, ahead, sums, pending);
    FinishAll(job, block, pending);
    pending.strip = block.strips + s;
    pending.strips = strips;
    pending.row = pending.strip->begin;
    pending.sums = sums;
    pending.first = first * 16;
    pending.outputs = Least(job.outputs - first * 16, vectors * 16);
    const int64_t rows = pending.strips * block.rows;
    const int64_t chunks = job.chunk_count > 1 ? job.chunk_count - 1 : 1;
    pending.at_once = (rows + chunks - 1) / chunks;
    if (pending.at_once < kLeastRows) pending.at_once = kLeastRows;
    return strips;
  }

  static void Run(const Job& job, int64_t pixel_begin, int64_t pixel_end, int64_t block_begin,
                  int64_t block_end) {
    Block block;
    Tiles tiles;
    int64_t configured = 0;
    const int64_t all = pixel_end - pixel_begin;
    const int64_t parts = (all + job.pixels_per_block - 1) / job.pixels_per_block;
    for (int64_t part = 0; part < parts; ++part) {
      const int64_t begin = pixel_begin + all * part / parts;
      const int64_t end = pixel_begin + all * (part + 1) / parts;
      block.pixels.Fill(job, begin, end);
      if (job.one_line) {
        LineStrips(end - begin, block);
      } else {
        RowStrips(job, begin, end, block);
      }
      if (block.rows != configured) {
        tiles.Configure(static_cast<int>(block.rows), static_cast<int>(job.chunk_steps));
      }
      configured = block.rows;
      CopyChunks(job, block);
      Pending pending;
      const int64_t at_once = job.outputs_inside ? kSums : block.count;
      for (int64_t first = 0; first < block.count; first += at_once) {
        const int64_t last = Least(first + at_once, block.count);
        for (int64_t b = block_begin; b < block_end; ++b) {
          for (int64_t s = first; s < last;) s += RunTiles(job, tiles, block, s, last, b, pending);
        }
      }
      FinishAll(job, block, pending);
    }
  }

  static constexpr Code MakeCode() {
    return {HWY_STATIC_TARGET, 2, 16, kBlockVectors, kTileSteps, Run};
  }
};

}  // namespace
}  // namespace deftnn::gemm
