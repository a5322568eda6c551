#include "deftnn/kernels/gemm/chunks.h"

#include <bit>

#include "deftnn/base/check.h"

namespace deftnn::gemm {
namespace {

bool IsRun(std::span<const int32_t> offsets, bool one_beyond) {
  if (offsets[0] == kNoEntry) return false;
  if (one_beyond && offsets.back() == kNoEntry) offsets = offsets.first(offsets.size() - 1);
  for (size_t i = 1; i < offsets.size(); ++i) {
    if (int64_t{offsets[i]} != int64_t{offsets[0]} + 2 * static_cast<int64_t>(i)) return false;
  }
  return true;
}

void AddSources(std::span<const int32_t> offsets, std::vector<ChunkSource>& sources) {
  uint32_t left = 0;
  const int entries = static_cast<int>(offsets.size());
  for (int i = 0; i < entries; ++i) left |= uint32_t{offsets[i] != kNoEntry} << i;
  while (left != 0) {
    ChunkSource source{};
    source.offset = offsets[std::countr_zero(left)];
    for (int i = 0; i < entries; ++i) {
      const int64_t distance = int64_t{offsets[i]} - source.offset;
      if ((left >> i & 1) == 0 || distance < 0 || distance >= kChunkBytes || distance % 2 != 0) {
        continue;
      }
      source.mask |= 1u << i;
      source.index[i] = static_cast<uint16_t>(distance / 2);
    }
    left &= ~source.mask;
    sources.push_back(source);
  }
}

}  // namespace

Chunks MakeChunks(std::span<const int32_t> offsets, int64_t entries, bool in_place,
                  bool one_beyond) {
  DEFTNN_CHECK(entries >= 1 && entries <= kChunkBytes / 2);
  DEFTNN_CHECK(static_cast<int64_t>(offsets.size()) % entries == 0);
  Chunks made;
  for (size_t at = 0; at < offsets.size(); at += entries) {
    const auto part = offsets.subspan(at, entries);
    Chunk chunk{};
    const auto begin = static_cast<int32_t>(made.sources.size());
    chunk.run = IsRun(part, one_beyond);
    if (chunk.run) {
      chunk.offset = part[0];
    } else {
      AddSources(part, made.sources);
    }
    chunk.source_begin = begin;
    chunk.source_end = static_cast<int32_t>(made.sources.size());
    chunk.packed = chunk.run && in_place ? -1 : static_cast<int32_t>(made.packed++);
    made.chunks.push_back(chunk);
  }
  return made;
}

}  // namespace deftnn::gemm
