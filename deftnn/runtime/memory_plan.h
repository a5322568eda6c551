// Where in the arena each buffer lies: two buffers share bytes only when they are never alive
// together.
#pragma once

#include <cstdint>
#include <vector>

namespace deftnn {

struct Buffer {
  int64_t bytes = 0;
  int first = -1, last = -1;  // steps between which it holds something, both included
  int64_t offset = 0;         // result, a multiple of kAlignment
};

/// Sets every offset, largest buffer first into the lowest gap that is free while it lives. Returns
/// the arena's bytes. Buffers that no step touches take no room.
int64_t PlanMemory(std::vector<Buffer>& buffers);

}  // namespace deftnn
