#include "deftnn/base/memory.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <vector>

#include "deftnn/base/rng.h"

namespace deftnn {
namespace {

bool AlignedZeros(const std::byte* memory, size_t bytes) {
  return reinterpret_cast<uintptr_t>(memory) % kAlignment == 0 &&
         std::all_of(memory, memory + bytes, [](std::byte b) { return b == std::byte{0}; });
}

TEST(Memory, BuffersAreAlignedAndZeroed) {
  for (const size_t bytes : {0, 1, 63, 64, 65, 100000, (2 << 20) - 64, 2 << 20, (5 << 20) + 3}) {
    const auto buffer = AllocateAligned(bytes);
    EXPECT_TRUE(AlignedZeros(buffer.get(), bytes + kAlignment)) << bytes;
  }
}

TEST(Memory, PooledBuffersDoNotOverlapAndOutliveThePool) {
  const uint64_t seed = 11;
  SCOPED_TRACE(seed);
  Rng rng(seed);
  std::vector<std::pair<std::shared_ptr<std::byte>, size_t>> buffers;
  {
    MemoryPool pool;
    for (int i = 0; i < 60; ++i) {
      // Some larger than a chunk, some that do not fit what is left of one.
      const size_t bytes = i == 20 ? size_t{40} << 20 : static_cast<size_t>(rng.Below(2 << 20));
      buffers.emplace_back(pool.Allocate(bytes), bytes);
      ASSERT_TRUE(AlignedZeros(buffers.back().first.get(), bytes + kAlignment));
      std::memset(buffers.back().first.get(), i + 1, bytes + kAlignment);
    }
  }
  for (size_t i = 0; i < buffers.size(); ++i) {
    const auto& [buffer, bytes] = buffers[i];
    EXPECT_TRUE(std::all_of(buffer.get(), buffer.get() + bytes + kAlignment, [&](std::byte b) {
      return b == std::byte(i + 1);
    })) << i;
  }
}

}  // namespace
}  // namespace deftnn
