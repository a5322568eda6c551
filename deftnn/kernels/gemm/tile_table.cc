#include "deftnn/kernels/gemm/tile_table.h"

#include <algorithm>
#include <utility>

namespace deftnn::gemm {
namespace {

constexpr int64_t kTileEntries = kChunkBytes / 2;

// Cycles for each pixel: of a chunk by a vector of outputs, and of one source of a copied chunk.
constexpr int64_t kProductCycles = 1, kSourceCycles = 2;

// Loads that copying takes for one pixel.
int64_t GatheredSources(const GemmSpec& spec, int64_t run) {
  const std::vector<int64_t>& entries = spec.entries;
  int64_t sources = 0;
  for (size_t first = 0; first < entries.size(); first += kTileEntries) {
    const size_t end = std::min(entries.size(), first + kTileEntries);
    const int64_t last = entries[end - 1];
    if (last - entries[first] == kTileEntries - 1 && last / run == entries[first] / run) continue;
    int64_t start = -1;
    for (size_t i = first; i < end; ++i) {
      if (start >= 0 && entries[i] / run == start / run && entries[i] - start < kTileEntries) {
        continue;
      }
      start = entries[i];
      ++sources;
    }
  }
  return sources;
}

// The first entries of the fewest windows of `length` that cover what is kept. A window longer than
// its run is the whole of it.
std::vector<int64_t> Windows(const GemmSpec& spec, int64_t run, int64_t length) {
  std::vector<int64_t> starts;
  int64_t covered = -1;  // up to here
  for (const int64_t entry : spec.entries) {
    if (entry <= covered) continue;
    const int64_t begin = entry / run * run;
    const int64_t start = std::max(begin, std::min(entry, begin + run - length));
    starts.push_back(start);
    covered = std::min(start + length, begin + run) - 1;
  }
  return starts;
}

TileTable Gathered(const GemmSpec& spec) {
  TileTable table;
  table.chunk_entries = kTileEntries;
  for (const int64_t entry : spec.entries) table.rows.push_back(StepAt(spec, entry));
  table.rows.resize(RoundUp(static_cast<int64_t>(table.rows.size()), kTileEntries),
                    KStep{-1, 0, 0});
  return table;
}

TileTable Windowed(const GemmSpec& spec, int64_t run, const std::vector<int64_t>& starts,
                   int64_t length) {
  TileTable table;
  table.chunk_entries = length;
  for (const int64_t start : starts) {
    const int64_t end = start / run * run + run;
    for (int64_t entry = start; entry < start + length; ++entry) {
      table.rows.push_back(entry < end ? StepAt(spec, entry) : KStep{-1, 0, 0});
    }
  }
  return table;
}

}  // namespace

TileTable MakeTileTable(const GemmSpec& spec) {
  const int64_t run = RunLength(spec);
  const int64_t vectors = RoundUp(spec.outputs, 16) / 16;
  const int64_t chunk_cycles = vectors * kProductCycles;
  const int64_t gathered =
      RoundUp(static_cast<int64_t>(spec.entries.size()), kTileEntries) / kTileEntries;
  const int64_t gathered_cycles =
      gathered * chunk_cycles + GatheredSources(spec, run) * kSourceCycles;
  // Beyond a kernel row lies the next pixel; beyond a pixel's channels may lie anything.
  const int64_t longest =
      std::min(kTileEntries, run > spec.channels ? RoundUp(run, 2) : run / 2 * 2);
  int64_t best = 0, least = gathered_cycles;  // of windows that cost less
  std::vector<int64_t> best_starts;
  for (int64_t length = longest; length >= 2; length -= 2) {
    // Fewer are too few for all.
    const int64_t bound = RoundUp(static_cast<int64_t>(spec.entries.size()), length) / length;
    if (bound * chunk_cycles >= least) break;
    std::vector<int64_t> starts = Windows(spec, run, length);
    const int64_t cycles = static_cast<int64_t>(starts.size()) * chunk_cycles;
    if (cycles < least) best = length, least = cycles, best_starts = std::move(starts);
  }
  return best > 0 ? Windowed(spec, run, best_starts, best) : Gathered(spec);
}

}  // namespace deftnn::gemm
