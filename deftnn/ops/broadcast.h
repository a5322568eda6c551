// Multidirectional (numpy) broadcasting: shapes are aligned at their last axis, and an axis of
// extent one is repeated.
#pragma once

#include <vector>

#include "deftnn/base/status.h"
#include "deftnn/base/tensor.h"

namespace deftnn {

/// The common shape; an error that shows both when they don't agree.
Result<Shape> BroadcastShapes(const Shape& a, const Shape& b);

/// True when `from` can be broadcast to exactly `to`.
bool BroadcastsTo(const Shape& from, const Shape& to);

/// The elements of a tensor of shape `from`, in the order of the elements of a tensor of shape `to`
/// that it is broadcast to: at() is its row-major index, Next() goes one element on.
class BroadcastCursor {
 public:
  BroadcastCursor(const Shape& from, const Shape& to);
  /// Over the first `axes` axes of `to` only.
  BroadcastCursor(const Shape& from, const Shape& to, size_t axes);
  int64_t at() const { return at_; }
  void Next();
  /// Between neighbours along an axis; 0 where the axis is repeated.
  const std::vector<int64_t>& strides() const { return strides_; }

 private:
  std::vector<int64_t> extents_, strides_, position_;
  int64_t at_ = 0;
};

/// `count` elements of a broadcast result in a row, from `out` on. They are made of two operands'
/// elements from `a` and `b` on, where each operand goes on one by one (step 1) or stays (step 0).
struct BroadcastRun {
  int64_t out = 0, count = 0;
  int64_t a = 0, a_step = 0, b = 0, b_step = 0;
};

/// Cuts a result of shape `to` into runs as long as both operands' shapes allow.
class BroadcastRuns {
 public:
  BroadcastRuns(const Shape& a, const Shape& b, const Shape& to);
  /// The next run; false behind the last one.
  bool Next(BroadcastRun& run);

 private:
  BroadcastRun first_;     // what all runs share
  size_t outer_axes_;      // of the result, in front of those that a run covers
  BroadcastCursor a_, b_;  // over the outer axes
  int64_t runs_, done_ = 0;
};

/// out[i] = function(a[i], b[i]) over the broadcast shape `to`; `out` may be one of the operands
/// where that has this shape.
template <typename A, typename B, typename Out, typename Function>
void ZipBroadcast(const A* a, const Shape& a_shape, const B* b, const Shape& b_shape, Out* out,
                  const Shape& to, Function function) {
  BroadcastRuns runs(a_shape, b_shape, to);
  for (BroadcastRun run; runs.Next(run);) {
    const A* from_a = a + run.a;
    const B* from_b = b + run.b;
    Out* y = out + run.out;
    if (run.a_step == 1 && run.b_step == 1) {
      for (int64_t i = 0; i < run.count; ++i) y[i] = function(from_a[i], from_b[i]);
    } else if (run.a_step == 1) {
      for (int64_t i = 0; i < run.count; ++i) y[i] = function(from_a[i], *from_b);
    } else if (run.b_step == 1) {
      for (int64_t i = 0; i < run.count; ++i) y[i] = function(*from_a, from_b[i]);
    } else {
      for (int64_t i = 0; i < run.count; ++i) y[i] = function(*from_a, *from_b);
    }
  }
}

}  // namespace deftnn
