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
  int64_t at() const { return at_; }
  void Next();

 private:
  std::vector<int64_t> extents_, strides_, position_;
  int64_t at_ = 0;
};

}  // namespace deftnn
