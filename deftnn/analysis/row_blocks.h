// Work on all threads that comes out the same bit for bit at any number of them.
#pragma once

#include <cstdint>
#include <span>

#include "deftnn/base/threads.h"

namespace deftnn {

/// The pool's ParallelFor; without a pool, the whole range on the caller's thread.
void ParallelFor(ThreadPool* pool, int64_t count,
                 FunctionRef<void(int64_t begin, int64_t end, int share)> function);

/// sums += what add(begin, end, part) adds to a zeroed `part` [as long as sums] for each block of
/// 256 rows. Blocks run on the pool's threads (null: on the caller's) and are added in their order.
/// add may also write what belongs to its rows alone.
void AddRowBlocks(ThreadPool* pool, int64_t rows, std::span<double> sums,
                  FunctionRef<void(int64_t begin, int64_t end, double* part)> add);

}  // namespace deftnn
