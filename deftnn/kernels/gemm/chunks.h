// How the rows of matrix tiles are read through the K table.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "deftnn/kernels/gemm/kernel.h"

namespace deftnn::gemm {

/// An entry that does not exist: it is read as zero.
inline constexpr int32_t kNoEntry = INT32_MIN;

struct Chunks {
  std::vector<Chunk> chunks;
  std::vector<ChunkSource> sources;
  int64_t packed = 0;  // chunks that are copied
};

/// `offsets`: bytes from an output pixel's window to each DFP16 entry, or kNoEntry; a multiple of
/// `entries` of them, which is the length of a chunk, 32 at most. A chunk of neighbours is read in
/// place if `in_place` allows it and copied as it is otherwise; where `one_beyond` allows it, its
/// last entry may be none, and is read. Of the others, each source covers all entries within 64
/// bytes of the first one that none before it covers.
Chunks MakeChunks(std::span<const int32_t> offsets, int64_t entries, bool in_place,
                  bool one_beyond);

}  // namespace deftnn::gemm
