// Where a step finds a value and in what form.
#pragma once

#include <vector>

#include "deftnn/base/tensor.h"
#include "deftnn/kernels/view.h"

namespace deftnn {

/// How a value lies in memory.
enum class Form {
  kPlain,  // row-major, in its own element type, as ONNX has it
  kImage,  // channels last with halos; the channel axis is 1 (N x C x spatial)
  kRows,   // a matrix: every axis but the last is a row
};

/// One form of one value at one place. The base is an index into the addresses of a run: 0 is the
/// arena, then the inputs, then the outputs; constants carry their bytes themselves.
struct Operand {
  Form form = Form::kPlain;
  ElementType type = ElementType::kUndefined;
  Shape shape;
  Layout layout;    // for kImage and kRows
  int buffer = -1;  // index into the plan's buffers; -1 for inputs, outputs and constants
  int base = 0;
  int64_t offset = 0;  // bytes from the base to the first element (kPlain) or to pixel (0, 0, 0)
  int64_t sample_bytes = 0;  // from one sample to the next where the base holds the whole batch and
                             // the step runs over a part of it
  bool owns_slack =
      true;  // false for a slice of a concatenation, whose end is not the allocation's
  Tensor constant;

  bool exists() const { return type != ElementType::kUndefined; }
  int64_t bytes() const { return (ElementCount(shape) * BitsOf(type) + 7) / 8; }
};

/// The addresses of one run.
struct Addresses {
  std::vector<std::byte*> bases;
  int64_t first_sample = 0;  // of the part of the batch that runs now

  std::byte* of(const Operand& operand) const {
    if (operand.constant.defined()) return const_cast<std::byte*>(operand.constant.data());
    return bases[operand.base] + operand.offset + first_sample * operand.sample_bytes;
  }
  View view(const Operand& operand) const { return {operand.layout, of(operand)}; }
};

/// True when the image or rows form has the same bytes as the row-major float32 tensor.
bool SameBytesAsPlain(const Operand& operand);

}  // namespace deftnn
