// How every kernel family picks its implementation and shares its work among threads.
#pragma once

#include <cstdint>

#include "deftnn/base/cpu.h"
#include "deftnn/base/threads.h"

namespace deftnn {

/// The entry of `list`, ordered by rising isa, that is the highest not above `isa`.
template <typename Kernel, int kCount>
const Kernel& HighestAtMost(const Kernel* const (&list)[kCount], Isa isa) {
  const Kernel* best = list[0];
  for (const Kernel* kernel : list) {
    if (kernel->isa <= isa) best = kernel;
  }
  return *best;
}

/// Bytes moved, or multiply-adds done, that take one thread roughly 20 us: with less, waking
/// another costs more than it saves.
inline constexpr int64_t kWorthThreads = 400'000;

/// function(begin, end) over [0, count), split among the pool's threads when `work` (bytes or
/// multiply-adds) is worth it. Each index must write its own results only.
template <typename Function>
void ForRange(ThreadPool& pool, int64_t count, int64_t work, Function&& function) {
  if (count <= 0) return;
  if (work < kWorthThreads || pool.size() == 1) return function(int64_t{0}, count);
  pool.ParallelFor(count, [&](int64_t begin, int64_t end, int) { function(begin, end); });
}

}  // namespace deftnn
