// Operators that only move elements: what they share.
#pragma once

#include <cstdint>
#include <limits>
#include <vector>

#include "deftnn/ops/op.h"

namespace deftnn {

/// Operators refuse to make shapes of more axes.
inline constexpr size_t kMostAxes = 64;

/// Input i must be of a type whose elements are whole bytes in memory.
Status CheckMovable(const InferContext& context, size_t i = 0);

/// Distance in elements between neighbours along each axis of a row-major tensor.
std::vector<int64_t> RowMajorStrides(const Shape& shape);

/// Product of the extents before, and behind, `axis`.
int64_t OuterCount(const Shape& shape, int axis);
int64_t InnerCount(const Shape& shape, int axis);

/// An offset that reads nothing: the output's element stays as it is.
inline constexpr int64_t kNowhere = std::numeric_limits<int64_t>::min();

/// Per axis of the output, what each position adds to the input's element index.
using Offsets = std::vector<std::vector<int64_t>>;

/// out[i0, i1, ...] = in[offsets[0][i0] + offsets[1][i1] + ...]; the two are of one type.
void MoveByOffsets(const Tensor& in, const Offsets& offsets, Tensor& out);

/// Copies all bytes: the output is the input under another shape.
Status EvaluateReshaped(EvaluateContext& context);

}  // namespace deftnn
