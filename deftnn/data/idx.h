// IDX, the format of MNIST's files (yann.lecun.com/exdb/mnist): magic 0 0 type rank, big-endian
// dimensions, big-endian elements; gzipped or not.
#pragma once

#include <span>
#include <string>

#include "deftnn/base/status.h"
#include "deftnn/base/tensor.h"

namespace deftnn {

/// True when `bytes` start like an uncompressed IDX file.
bool LooksLikeIdx(std::span<const std::byte> bytes);

/// The array with the file's own shape and type (uint8, int8, int16, int32, float32, float64). A
/// size that the file's bytes cannot fill is refused before memory is spent on it.
Result<Tensor> ParseIdx(std::span<const std::byte> bytes);
Result<Tensor> ReadIdx(const std::string& path);

/// The labels file that belongs to a file of pictures ("...images-idx3-ubyte[.gz]" ->
/// "...labels-idx1-ubyte[.gz]"), when it exists; empty otherwise.
std::string SiblingLabels(const std::string& images_path);

}  // namespace deftnn
