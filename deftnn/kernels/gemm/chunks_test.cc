#include "deftnn/kernels/gemm/chunks.h"

#include <gtest/gtest.h>

#include <numeric>

#include "deftnn/base/rng.h"

namespace deftnn::gemm {
namespace {

constexpr int kEntries = kChunkBytes / 2;

// The words that a chunk ends up with, out of a memory whose word i is i.
std::vector<int64_t> Read(const Chunks& made, const Chunk& chunk) {
  std::vector<int64_t> words(kEntries, -1);
  if (chunk.run) {
    for (int i = 0; i < kEntries; ++i) words[i] = chunk.offset / 2 + i;
  }
  for (int s = chunk.source_begin; s < chunk.source_end; ++s) {
    const ChunkSource& source = made.sources[s];
    for (int i = 0; i < kEntries; ++i) {
      if ((source.mask >> i & 1) == 0) continue;
      EXPECT_EQ(words[i], -1) << "word " << i << " has two sources";
      EXPECT_LT(source.index[i], kEntries);
      words[i] = source.offset / 2 + source.index[i];
    }
  }
  return words;
}

TEST(GemmChunks, EveryEntryComesFromItsPlace) {
  for (uint64_t seed = 1; seed <= 50; ++seed) {
    SCOPED_TRACE(seed);
    Rng rng(seed);
    std::vector<int32_t> offsets;
    int32_t at = static_cast<int32_t>(2 * rng.Between(1, 9));
    const bool runs = rng.Below(2) == 0;
    while (offsets.size() < 4 * kEntries) {
      offsets.push_back(at);
      at += runs && rng.Below(40) != 0 ? 2 : static_cast<int32_t>(2 * rng.Between(1, 30));
    }
    for (size_t i = 4 * kEntries - static_cast<size_t>(rng.Below(20)); i < offsets.size(); ++i) {
      offsets[i] = kNoEntry;
    }
    for (const bool in_place : {false, true}) {
      const Chunks made = MakeChunks(offsets, kEntries, in_place, false);
      ASSERT_EQ(made.chunks.size(), 4u);
      int64_t packed = 0;
      for (size_t c = 0; c < 4; ++c) {
        const Chunk& chunk = made.chunks[c];
        if (chunk.packed >= 0) {
          EXPECT_EQ(chunk.packed, packed++);
        }
        const std::vector<int64_t> words = Read(made, chunk);
        for (int i = 0; i < kEntries; ++i) {
          const int32_t offset = offsets[c * kEntries + i];
          EXPECT_EQ(words[i], offset == kNoEntry ? -1 : offset / 2) << c << " " << i;
        }
      }
      EXPECT_EQ(made.packed, packed);
      if (!in_place) {
        EXPECT_EQ(packed, 4);
      }
    }
  }
}

TEST(GemmChunks, RunsAreReadInPlaceAndTailsAreCopied) {
  std::vector<int32_t> offsets(3 * kEntries, kNoEntry);
  for (int i = 0; i < 2 * kEntries - 5; ++i) offsets[i] = -64 + 2 * i;
  const Chunks made = MakeChunks(offsets, kEntries, true, false);
  EXPECT_EQ(made.chunks[0].packed, -1);
  EXPECT_EQ(made.chunks[0].offset, -64);
  EXPECT_EQ(made.chunks[1].packed, 0);
  EXPECT_EQ(made.chunks[1].source_end - made.chunks[1].source_begin, 1);
  EXPECT_EQ(made.sources[0].mask, ~0u >> 5);
  // Nothing at all: no source, and still a place, which is filled with zeros.
  EXPECT_EQ(made.chunks[2].packed, 1);
  EXPECT_EQ(made.chunks[2].source_end, made.chunks[2].source_begin);
  EXPECT_FALSE(made.chunks[2].run);
}

TEST(GemmChunks, OneEntryBehindARunMayBeReadWhereThatIsAllowed) {
  std::vector<int32_t> offsets = {10, 12, 14, 16, 18, kNoEntry, 100, 102, 104, 108, 110, 112};
  for (const bool one_beyond : {false, true}) {
    const Chunks made = MakeChunks(offsets, 6, true, one_beyond);
    ASSERT_EQ(made.chunks.size(), 2u);
    EXPECT_EQ(made.chunks[0].run, one_beyond);
    EXPECT_EQ(made.chunks[0].packed, one_beyond ? -1 : 0);
    EXPECT_FALSE(made.chunks[1].run);
    EXPECT_EQ(made.sources.back().mask, 0b111111u);
  }
}

}  // namespace
}  // namespace deftnn::gemm
