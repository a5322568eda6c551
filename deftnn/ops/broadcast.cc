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

BroadcastCursor::BroadcastCursor(const Shape& from, const Shape& to, size_t axes)
    : BroadcastCursor(from, to) {
  extents_.resize(axes);
  strides_.resize(axes);
  position_.resize(axes);
}

void BroadcastCursor::Next() {
  for (size_t axis = extents_.size(); axis-- > 0;) {
    at_ += strides_[axis];
    if (++position_[axis] < extents_[axis]) return;
    at_ -= strides_[axis] * extents_[axis];
    position_[axis] = 0;
  }
}

namespace {

// The longest run at the end of `to`; returns how many axes lie in front of it.
size_t LongestRun(const Shape& a, const Shape& b, const Shape& to, BroadcastRun& run) {
  const BroadcastCursor cursor_a(a, to), cursor_b(b, to);
  run.count = 1;
  bool first = true;
  for (size_t outer = to.size(); outer > 0; --outer) {
    const size_t axis = outer - 1;
    if (to[axis] == 1) continue;
    const int64_t stride_a = cursor_a.strides()[axis], stride_b = cursor_b.strides()[axis];
    if (first) {
      run.a_step = stride_a;
      run.b_step = stride_b;
      first = false;
    } else if (stride_a != run.a_step * run.count || stride_b != run.b_step * run.count) {
      return outer;
    }
    run.count *= to[axis];
  }
  return 0;
}

}  // namespace

BroadcastRuns::BroadcastRuns(const Shape& a, const Shape& b, const Shape& to)
    : outer_axes_(LongestRun(a, b, to, first_)),
      a_(a, to, outer_axes_),
      b_(b, to, outer_axes_),
      runs_(first_.count == 0 ? 0 : ElementCount(to) / first_.count) {}

bool BroadcastRuns::Next(BroadcastRun& run) {
  if (done_ == runs_) return false;
  if (done_ > 0) {
    a_.Next();
    b_.Next();
  }
  run = first_;
  run.out = done_++ * run.count;
  run.a = a_.at();
  run.b = b_.at();
  return true;
}

}  // namespace deftnn
