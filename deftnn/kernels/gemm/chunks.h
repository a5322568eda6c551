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
/// 32 of them. A chunk of 32 neighbours is read in place if `in_place` allows it and copied as it
/// is otherwise; of the others, each source covers all entries within 64 bytes of the first one
/// that none before it covers.
Chunks MakeChunks(std::span<const int32_t> offsets, bool in_place);

}  // namespace deftnn::gemm
