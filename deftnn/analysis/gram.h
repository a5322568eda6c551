// Accumulates a layer's LayerStatistics from sampled rows, in float64.
#pragma once

#include <span>
#include <vector>

#include "deftnn/analysis/statistics.h"

namespace deftnn {

/// What is accumulated. Two uses:
///   targets = 0   the targets are the layer's own outputs on these inputs
///   targets = O   rows of targets are handed in beside the inputs: what the original network's
///                 layer made of its own inputs at the same positions
struct GramShape {
  int64_t inputs = 0;   // K of the reduced network's layer
  int64_t targets = 0;  // O
};

/// Rows are buffered and added in blocks of a fixed size, around the mean of the first block; so
/// the result depends on the rows and their order alone: not on how they were split into calls and
/// not on the number of threads. Memory: 8 K^2 bytes for the Gram matrix, 8 O K for the targets,
/// and a block of rows.
class GramAccumulator {
 public:
  /// Refuses sizes whose Gram matrix would exceed kMaxGramBytes. `pool` may be null; it is used by
  /// Add, Merge and Finish and outlives the accumulator.
  static Result<GramAccumulator> Create(const GramShape& shape, ThreadPool* pool = nullptr);

  static constexpr int64_t kMaxGramBytes = int64_t{2} << 30;  // K = 16384
  static int64_t GramBytes(int64_t inputs) { return 8 * inputs * inputs; }

  /// x: [rows x inputs], row-major. y: [rows x targets], null without targets. Error: a value that
  /// is not finite.
  Status Add(int64_t rows, const float* x, const float* y = nullptr);

  int64_t count() const { return count_ + pending_; }

  /// Adds another accumulator's samples. For several processes: State() is a plain list of numbers
  /// to send, MergeState() adds a received one; the order of merging fixes the bits.
  Status Merge(GramAccumulator& other);
  std::vector<double> State();
  Status MergeState(std::span<const double> state);

  /// Error: no sample at all.
  Result<LayerStatistics> Finish();

 private:
  GramAccumulator() = default;
  void Flush();

  int64_t inputs_ = 0, targets_ = 0, block_rows_ = 0;
  ThreadPool* pool_ = nullptr;
  int64_t count_ = 0, pending_ = 0;
  std::vector<float> pending_x_, pending_y_;  // rows as they came
  std::vector<double> block_x_, block_y_;     // their deviations, while they are added
  // Sums over samples of x - shift_x_ and y - shift_y_, and of their products.
  std::vector<double> shift_x_, shift_y_, sum_x_, sum_y_, square_y_;
  Matrix gram_, cross_;  // gram_: tiles on and above the diagonal
};

}  // namespace deftnn
