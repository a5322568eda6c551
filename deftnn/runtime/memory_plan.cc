#include "deftnn/runtime/memory_plan.h"

#include <algorithm>
#include <numeric>

#include "deftnn/base/tensor.h"

namespace deftnn {
namespace {

bool AliveTogether(const Buffer& a, const Buffer& b) {
  return a.first <= b.last && b.first <= a.last;
}

int64_t LowestGap(const std::vector<const Buffer*>& neighbours, int64_t bytes) {
  int64_t at = 0;  // neighbours are sorted by offset
  for (const Buffer* other : neighbours) {
    if (at + bytes <= other->offset) break;
    at = std::max(at, other->offset + other->bytes);
  }
  return at;
}

}  // namespace

int64_t PlanMemory(std::vector<Buffer>& buffers) {
  std::vector<int> order(buffers.size());
  std::iota(order.begin(), order.end(), 0);
  std::stable_sort(order.begin(), order.end(),
                   [&](int a, int b) { return buffers[a].bytes > buffers[b].bytes; });
  std::vector<const Buffer*> placed;
  int64_t arena = 0;
  constexpr int64_t kAlign = kAlignment;
  for (int index : order) {
    Buffer& buffer = buffers[index];
    if (buffer.first < 0) continue;
    buffer.bytes = (buffer.bytes + kAlign - 1) / kAlign * kAlign;
    std::vector<const Buffer*> neighbours;
    for (const Buffer* other : placed) {
      if (AliveTogether(buffer, *other)) neighbours.push_back(other);
    }
    std::sort(neighbours.begin(), neighbours.end(),
              [](const Buffer* a, const Buffer* b) { return a->offset < b->offset; });
    buffer.offset = LowestGap(neighbours, buffer.bytes);
    arena = std::max(arena, buffer.offset + buffer.bytes);
    placed.push_back(&buffer);
  }
  return arena;
}

}  // namespace deftnn
