// What a compiled kernel and the code that calls it agree on. Plain structs: the per-ISA files
// include this and no header of the standard library.
#pragma once

#include <cstdint>

#include "deftnn/base/activation_kind.h"

namespace deftnn::gemm {

/// Most pixels whose accumulators a worker keeps between two blocks of K.
inline constexpr int kPixelBlock = 192;
/// The same for kernels of matrix tiles.
inline constexpr int kTilePixelBlock = 1024;
/// Most lanes (outputs) of one output block, over all kernels.
inline constexpr int kMaxBlockLanes = 64;

/// Most pixels of a matrix tile, and the fewest for which one ever stays within an image row.
inline constexpr int kTileRows = 16, kLeastTileRows = 5;
/// Most steps and bytes of one pixel's row in a matrix tile; such a row is a chunk of K.
inline constexpr int kTileSteps = 16;
inline constexpr int kChunkBytes = 64;

/// Up to 32 entries of a chunk, which one vector load reaches: word `i` of the chunk is word
/// `index[i]` behind `offset`, for every bit i of `mask`.
struct alignas(64) ChunkSource {
  uint16_t index[kChunkBytes / 2];
  uint32_t mask;
  int32_t offset;  // bytes from an output pixel's window
};

/// Up to sixteen steps of K, as a kernel for matrix tiles takes them.
struct Chunk {
  bool run;        // neighbours from `offset` on; else its sources, or zeros
  int32_t offset;  // of the first entry; where the chunk is one run, all of it
  int32_t packed;  // its place among the chunks that are copied together; -1: read in place
  int32_t source_begin, source_end;  // of a copied chunk, in Job::sources
};

/// One product, bound to shapes and addresses. Strides and offsets are in bytes.
struct Job {
  const uint8_t* x = nullptr;         // pixel (0, 0, 0) of the input
  uint8_t* y = nullptr;               // of the output
  const uint8_t* residual = nullptr;  // of the residual; null without one

  const uint8_t* weights = nullptr;  // [output block][K step][lanes of the block][group]
  const float* bias = nullptr;       // [output blocks' lanes], zero beyond the outputs
  const int32_t* offsets = nullptr;  // [K step] from an output pixel's window to the step's entries
  int64_t steps = 0;

  int64_t outputs = 0;
  int64_t vectors = 0;  // ceil(outputs / lanes): shared out evenly among the output blocks
  int64_t blocks = 0;

  int64_t out_height = 1, out_width = 1;
  int64_t x_image = 0, x_row = 0, x_pixel = 0;  // from one output pixel's window to the next
  int64_t y_image = 0, y_row = 0, y_pixel = 0;
  int64_t r_image = 0, r_row = 0, r_pixel = 0;

  int64_t steps_per_block = 0;   // K steps whose weights stay in the L2 cache
  int64_t pixels_per_block = 0;  // <= kPixelBlock, or kTilePixelBlock for matrix tiles

  // For kernels with tile_steps > 1 only.
  const Chunk* chunks = nullptr;
  const ChunkSource* sources = nullptr;
  int64_t chunk_count = 0, packed_chunks = 0;
  int64_t chunk_steps = 0;  // of each
  int64_t tile_pixels = 0;  // rows of a tile where it must not leave an image row
  bool one_line = false;  // x_pixel leads from each pixel to the next, or nothing is read in place
  bool outputs_inside = false;  // all outputs of a few strips, then the next strips; else around
  uint8_t* scratch = nullptr;   // of this thread: scratch_bytes
  int64_t scratch_bytes = 0;

  bool prefetch = false;  // weights that L2 does not hold, into it

  Activation activation = Activation::kNone;
  float alpha = 0, beta = 0;
  float low = 0, high = 0;  // for the activations that are a clamp (none, Relu, Clip)
  bool has_low = false, has_high = false;
  bool y_dfp16 = false, residual_dfp16 = false;  // fp32 otherwise

  __attribute__((always_inline)) int64_t FirstVector(int64_t block) const {
    return vectors * block / blocks;
  }
};

/// Computes pixels [pixel_begin, pixel_end) (counted over batch, height, width) of output blocks
/// [block_begin, block_end). Each output is summed in the order of K by one thread, so that no
/// split changes a bit.
using RunFunction = void (*)(const Job& job, int64_t pixel_begin, int64_t pixel_end,
                             int64_t block_begin, int64_t block_end);

/// What a kernel's file exports; kernels.inc adds its name, ISA and format.
struct Code {
  int64_t static_target;  // Highway's static target in the kernel's file
  int group;              // neighbouring entries of K that one step takes
  int lanes;              // outputs of one vector
  int max_vectors;        // vectors of the widest output block
  /// 1, or the most steps of a matrix tile: then the two entries of a step may lie anywhere.
  int tile_steps;
  RunFunction run;

  /// Rows of the K table that belong to a step: one, or one for each of its entries.
  int rows_per_step() const { return tile_steps > 1 ? group : 1; }
};

}  // namespace deftnn::gemm
