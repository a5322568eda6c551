// NumPy's .npy: one array (format versions 1.0, 2.0, 3.0; NEP 1 and numpy/lib/format.py).
#pragma once

#include <span>
#include <string>

#include "deftnn/base/status.h"
#include "deftnn/base/tensor.h"

namespace deftnn {

/// The array in `bytes`, in C order: Fortran-ordered and big-endian arrays are converted. Every
/// integer, bool, float16/32/64 and complex dtype is read as the element type of the same width;
/// structured, string and object arrays are refused, and so is a file whose bytes do not add up to
/// exactly what its header says.
Result<Tensor> ParseNpy(std::span<const std::byte> bytes);
Result<Tensor> ReadNpy(const std::string& path);

/// The bytes of a version 1.0 .npy (2.0 where the header is longer than 65,535 bytes). bfloat16 is
/// written as float32 (exact), since NumPy has no such dtype; strings and types of 8 bits and less
/// that NumPy lacks are refused.
Result<std::string> EncodeNpy(const Tensor& tensor);
Status WriteNpy(const std::string& path, const Tensor& tensor);

}  // namespace deftnn
