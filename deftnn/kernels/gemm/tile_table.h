// How a kernel of matrix tiles walks K: which entry stands where in the rows of its tiles.
#pragma once

#include <cstdint>
#include <vector>

#include "deftnn/kernels/gemm/gemm.h"

namespace deftnn::gemm {

struct TileTable {
  /// Entries of a chunk, the row of a tile for one pixel: even, at most 32.
  int64_t chunk_entries = 0;
  /// One for each entry of each chunk. An entry that is not kept, or that an earlier chunk has,
  /// gets weight zero; kh = -1 where there is none.
  std::vector<KStep> rows;
};

/// The cheaper of two ways by an estimate of cycles. *Gathered*: the kept entries in order, 32 a
/// chunk, copied together where they are not neighbours. *Windows*: chunks of neighbours, all of
/// one length and all read in place, which cover the kept entries of each pixel (or kernel row, of
/// touching pixels) and may hold others; a 7x7 convolution of 3 channels is 7 windows of 22, the
/// last entry of which lies one beyond the kernel row.
TileTable MakeTileTable(const GemmSpec& spec);

}  // namespace deftnn::gemm
