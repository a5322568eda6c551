#include "deftnn/kernels/gemm/chunks.h"

#include <bit>

#include "deftnn/base/check.h"

namespace deftnn::gemm {
namespace {

constexpr int kChunkEntries = kChunkBytes / 2;

bool IsRun(std::span<const int32_t> offsets) {
  if (offsets[0] == kNoEntry) return false;
  for (int i = 1; i < kChunkEntries; ++i) {
    if (int64_t{offsets[i]} != int64_t{offsets[0]} + 2 * i) return false;
  }
  return true;
}

void AddSources(std::span<const int32_t> offsets, std::vector<ChunkSource>& sources) {
  uint32_t left = 0;
  for (int i = 0; i < kChunkEntries; ++i) left |= uint32_t{offsets[i] != kNoEntry} << i;
  while (left != 0) {
    ChunkSource source{};
    source.offset = offsets[std::countr_zero(left)];
    for (int i = 0; i < kChunkEntries; ++i) {
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

Chunks MakeChunks(std::span<const int32_t> offsets, bool in_place) {
  DEFTNN_CHECK(offsets.size() % kChunkEntries == 0);
  Chunks made;
  for (size_t at = 0; at < offsets.size(); at += kChunkEntries) {
    const auto part = offsets.subspan(at, kChunkEntries);
    Chunk chunk{};
    const auto begin = static_cast<int32_t>(made.sources.size());
    chunk.run = IsRun(part);
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
