#include "deftnn/runtime/memory_plan.h"

#include <gtest/gtest.h>

#include "deftnn/base/rng.h"

namespace deftnn {
namespace {

TEST(MemoryPlan, BuffersAliveTogetherNeverOverlap) {
  for (uint64_t seed = 0; seed < 50; ++seed) {
    SCOPED_TRACE(seed);
    Rng rng(seed);
    std::vector<Buffer> buffers(rng.Between(1, 30));
    int64_t sum = 0;
    for (Buffer& buffer : buffers) {
      buffer.first = static_cast<int>(rng.Below(20));
      buffer.last = buffer.first + static_cast<int>(rng.Below(6));
      buffer.bytes = rng.Between(1, 5000);
      sum += buffer.bytes + 63;
    }
    const int64_t arena = PlanMemory(buffers);
    EXPECT_LE(arena, sum);
    for (size_t i = 0; i < buffers.size(); ++i) {
      EXPECT_EQ(buffers[i].offset % 64, 0);
      EXPECT_LE(buffers[i].offset + buffers[i].bytes, arena);
      for (size_t j = 0; j < i; ++j) {
        const Buffer &a = buffers[i], &b = buffers[j];
        const bool together = a.first <= b.last && b.first <= a.last;
        const bool overlap = a.offset < b.offset + b.bytes && b.offset < a.offset + a.bytes;
        EXPECT_FALSE(together && overlap) << i << " and " << j;
      }
    }
  }
}

TEST(MemoryPlan, AChainNeedsTwoBuffers) {
  std::vector<Buffer> buffers;
  for (int i = 0; i < 10; ++i) buffers.push_back({1024, i, i + 1, 0});
  EXPECT_EQ(PlanMemory(buffers), 2048);
}

}  // namespace
}  // namespace deftnn
