// CIFAR-10's binary version (cs.toronto.edu/~kriz/cifar.html): records of one label byte and 3072
// pixels, red plane, green plane, blue plane, each 32 x 32 by rows.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "deftnn/base/status.h"
#include "deftnn/base/tensor.h"

namespace deftnn {

struct CifarPictures {
  Tensor pictures;              // uint8, N x 3 x 32 x 32
  std::vector<int64_t> labels;  // 0 to 9
};

/// Refuses a size that is no whole number of records, and labels above 9.
Result<CifarPictures> ParseCifar10(std::span<const std::byte> bytes);
/// One .bin file, or a folder's data_batch_*.bin in the order of their names (where there are none,
/// its test_batch.bin).
Result<CifarPictures> ReadCifar10(const std::string& path);
/// The files that ReadCifar10 takes from a folder; empty when it is none of CIFAR-10.
std::vector<std::string> CifarFilesIn(const std::string& folder);

}  // namespace deftnn
