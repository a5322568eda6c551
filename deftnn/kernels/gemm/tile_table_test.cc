#include "deftnn/kernels/gemm/tile_table.h"

#include <gtest/gtest.h>

#include <numeric>
#include <set>

#include "deftnn/base/rng.h"

namespace deftnn::gemm {
namespace {

GemmSpec Dense(int64_t outputs, int64_t channels, int64_t kernel, bool contiguous) {
  GemmSpec spec;
  spec.outputs = outputs, spec.channels = channels;
  spec.kernel_h = spec.kernel_w = kernel;
  spec.contiguous_pixels = contiguous;
  spec.entries.resize(spec.full_k());
  std::iota(spec.entries.begin(), spec.entries.end(), 0);
  return spec;
}

int64_t EntryAt(const GemmSpec& spec, const KStep& row) {
  return (int64_t{row.kh} * spec.kernel_w + row.kw) * spec.channels + row.c;
}

// Whether each chunk is one piece of a run; of an odd kernel row, with one entry behind it.
bool AllWindows(const GemmSpec& spec, const TileTable& table) {
  const int64_t run = RunLength(spec);
  for (size_t first = 0; first < table.rows.size(); first += table.chunk_entries) {
    const int64_t start = EntryAt(spec, table.rows[first]);
    for (int64_t i = 0; i < table.chunk_entries; ++i) {
      const KStep& row = table.rows[first + i];
      if (row.kh < 0) {
        if (i + 1 < table.chunk_entries || run % 2 == 0) return false;
      } else if (EntryAt(spec, row) != start + i || (start + i) / run != start / run) {
        return false;
      }
    }
  }
  return true;
}

TEST(GemmTileTable, HoldsEveryKeptEntry) {
  for (uint64_t seed = 1; seed <= 200; ++seed) {
    SCOPED_TRACE(seed);
    Rng rng(seed);
    GemmSpec spec =
        Dense(rng.Between(1, 100), rng.Between(1, 70), rng.Between(1, 5), rng.Below(2) == 0);
    const double kept = rng.Below(2) == 0 ? 1.0 : rng.Uniform();
    std::erase_if(spec.entries, [&](int64_t) { return rng.Uniform() > kept; });
    const TileTable table = MakeTileTable(spec);
    ASSERT_GE(table.chunk_entries, 2);
    ASSERT_LE(table.chunk_entries, 32);
    ASSERT_EQ(table.chunk_entries % 2, 0);
    ASSERT_EQ(static_cast<int64_t>(table.rows.size()) % table.chunk_entries, 0);
    std::set<int64_t> held;
    for (const KStep& row : table.rows) {
      if (row.kh < 0) continue;
      ASSERT_LT(row.kh, spec.kernel_h);
      ASSERT_LT(row.kw, spec.kernel_w);
      ASSERT_LT(row.c, spec.channels);
      held.insert(EntryAt(spec, row));
    }
    for (const int64_t entry : spec.entries) EXPECT_TRUE(held.contains(entry)) << entry;
  }
}

TEST(GemmTileTable, KernelRowsOfFewChannelsAreWindows) {
  const struct {
    int64_t channels, kernel, entries, chunks;
  } kCases[] = {{3, 7, 22, 7}, {1, 5, 6, 5}, {3, 3, 10, 3}, {24, 1, 24, 1}, {144, 1, 32, 5}};
  for (const auto& c : kCases) {
    const GemmSpec spec = Dense(32, c.channels, c.kernel, true);
    const TileTable table = MakeTileTable(spec);
    EXPECT_EQ(table.chunk_entries, c.entries);
    EXPECT_EQ(static_cast<int64_t>(table.rows.size()), c.entries * c.chunks);
    EXPECT_TRUE(AllWindows(spec, table)) << c.channels;
  }
}

TEST(GemmTileTable, NothingIsReadBehindChannelsThatDoNotTouch) {
  // Windows of 4 of 5 channels, twice a pixel, or copies; never a fifth and what follows it.
  for (const bool contiguous : {false, true}) {
    const GemmSpec spec = Dense(16, 5, 1, contiguous);
    const TileTable table = MakeTileTable(spec);
    for (size_t i = 0; i < table.rows.size(); ++i) {
      if (table.rows[i].kh < 0) {
        EXPECT_FALSE(AllWindows(spec, table));
      }
    }
  }
}

TEST(GemmTileTable, ManyGoneEntriesAreGathered) {
  GemmSpec spec = Dense(256, 256, 3, true);
  std::erase_if(spec.entries, [](int64_t entry) { return entry % 4 != 0; });
  const TileTable table = MakeTileTable(spec);
  EXPECT_EQ(table.chunk_entries, 32);
  EXPECT_EQ(table.rows.size(), spec.entries.size());
  // All weights of few outputs cost less than copying.
  spec.outputs = 16;
  EXPECT_TRUE(AllWindows(spec, MakeTileTable(spec)));
}

}  // namespace
}  // namespace deftnn::gemm
