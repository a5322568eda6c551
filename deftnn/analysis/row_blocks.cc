#include "deftnn/analysis/row_blocks.h"

#include <algorithm>
#include <vector>

namespace deftnn {

void ParallelFor(ThreadPool* pool, int64_t count,
                 FunctionRef<void(int64_t begin, int64_t end, int share)> function) {
  if (pool != nullptr) {
    pool->ParallelFor(count, function);
  } else {
    function(0, count, 0);
  }
}

void AddRowBlocks(ThreadPool* pool, int64_t rows, std::span<double> sums,
                  FunctionRef<void(int64_t begin, int64_t end, double* part)> add) {
  constexpr int64_t kRows = 256;
  const int64_t blocks = (rows + kRows - 1) / kRows, width = static_cast<int64_t>(sums.size());
  std::vector<double> parts(blocks * width);
  const auto run = [&](int64_t begin, int64_t end, int) {
    for (int64_t b = begin; b < end; ++b)
      add(b * kRows, std::min(rows, (b + 1) * kRows), parts.data() + b * width);
  };
  ParallelFor(blocks > 1 ? pool : nullptr, blocks, run);
  for (int64_t b = 0; b < blocks; ++b)
    for (int64_t i = 0; i < width; ++i) sums[i] += parts[b * width + i];
}

}  // namespace deftnn
