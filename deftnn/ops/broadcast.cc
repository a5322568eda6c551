#include "deftnn/ops/broadcast.h"

#include <algorithm>

namespace deftnn {

Result<Shape> BroadcastShapes(const Shape& a, const Shape& b) {
  Shape out(std::max(a.size(), b.size()), 1);
  for (size_t back = 1; back <= out.size(); ++back) {
    const int64_t da = back <= a.size() ? a[a.size() - back] : 1;
    const int64_t db = back <= b.size() ? b[b.size() - back] : 1;
    if (da != db && da != 1 && db != 1) {
      return Error("shapes {} and {} can't be broadcast together", ToString(a), ToString(b));
    }
    out[out.size() - back] = da == 1 ? db : da;
  }
  return out;
}

bool BroadcastsTo(const Shape& from, const Shape& to) {
  const auto shape = BroadcastShapes(from, to);
  return shape.ok() && *shape == to;
}

BroadcastCursor::BroadcastCursor(const Shape& from, const Shape& to)
    : extents_(to), strides_(to.size(), 0), position_(to.size(), 0) {
  DEFTNN_CHECK(from.size() <= to.size());
  int64_t stride = 1;
  for (size_t back = 1; back <= from.size(); ++back) {
    const int64_t extent = from[from.size() - back];
    if (extent != 1) strides_[to.size() - back] = stride;
    stride *= extent;
  }
}

void BroadcastCursor::Next() {
  for (size_t axis = extents_.size(); axis-- > 0;) {
    at_ += strides_[axis];
    if (++position_[axis] < extents_[axis]) return;
    at_ -= strides_[axis] * extents_[axis];
    position_[axis] = 0;
  }
}

}  // namespace deftnn
