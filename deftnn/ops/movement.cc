#include "deftnn/ops/movement.h"

#include <cstring>

#include "deftnn/ops/numeric.h"

namespace deftnn {
namespace {

// Neighbours in the input, one after the other.
bool IsRun(const std::vector<int64_t>& offsets) {
  for (size_t i = 0; i < offsets.size(); ++i) {
    if (offsets[i] == kNowhere || offsets[i] != offsets[0] + static_cast<int64_t>(i)) return false;
  }
  return true;
}

template <size_t kBytes>
void CopyRow(const std::byte* in, int64_t base, const std::vector<int64_t>& offsets,
             std::byte* out) {
  for (const int64_t offset : offsets) {
    if (offset != kNowhere) std::memcpy(out, in + (base + offset) * kBytes, kBytes);
    out += kBytes;
  }
}

}  // namespace

Status CheckMovable(const InferContext& context, size_t i) {
  return BitsOf(context.type(i)) >= 8 ? Status() : TypeError(context.node(), context.type(i));
}

std::vector<int64_t> RowMajorStrides(const Shape& shape) {
  std::vector<int64_t> strides(shape.size(), 1);
  for (size_t axis = shape.size(); axis-- > 1;) strides[axis - 1] = strides[axis] * shape[axis];
  return strides;
}

int64_t OuterCount(const Shape& shape, int axis) {
  return ElementCount(Shape(shape.begin(), shape.begin() + axis));
}

int64_t InnerCount(const Shape& shape, int axis) {
  return ElementCount(Shape(shape.begin() + axis + 1, shape.end()));
}

void MoveByOffsets(const Tensor& in, const Offsets& offsets, Tensor& out) {
  const size_t bytes = static_cast<size_t>(BitsOf(out.type())) / 8;
  const std::byte* from = in.data();
  std::byte* to = out.mutable_data();
  if (out.size() == 0) return;
  if (offsets.empty()) {
    std::memcpy(to, from, bytes);
    return;
  }
  const std::vector<int64_t>& row = offsets.back();
  const bool run = IsRun(row);
  std::vector<size_t> position(offsets.size() - 1, 0);
  for (;;) {
    int64_t base = 0;
    for (size_t axis = 0; axis < position.size() && base != kNowhere; ++axis) {
      const int64_t offset = offsets[axis][position[axis]];
      base = offset == kNowhere ? kNowhere : base + offset;
    }
    if (base == kNowhere) {
      // The whole row stays.
    } else if (run) {
      std::memcpy(to, from + (base + row[0]) * static_cast<int64_t>(bytes), row.size() * bytes);
    } else if (bytes == 1) {
      CopyRow<1>(from, base, row, to);
    } else if (bytes == 2) {
      CopyRow<2>(from, base, row, to);
    } else if (bytes == 4) {
      CopyRow<4>(from, base, row, to);
    } else if (bytes == 8) {
      CopyRow<8>(from, base, row, to);
    } else {
      CopyRow<16>(from, base, row, to);
    }
    to += row.size() * bytes;
    size_t axis = position.size();
    while (axis > 0 && ++position[axis - 1] == offsets[axis - 1].size()) position[--axis] = 0;
    if (axis == 0) return;
  }
}

Status EvaluateReshaped(EvaluateContext& context) {
  const size_t bytes = context.input(0).bytes();
  if (bytes > 0) std::memcpy(context.output(0).mutable_data(), context.input(0).data(), bytes);
  return {};
}

}  // namespace deftnn
