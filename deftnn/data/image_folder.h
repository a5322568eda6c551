// A folder with one subfolder of JPEG and PNG files for each class.
#pragma once

#include <string>
#include <vector>

#include "deftnn/base/status.h"
#include "deftnn/base/tensor.h"
#include "deftnn/data/preprocess.h"

namespace deftnn {

struct FolderPictures {
  Tensor pictures;  // uint8, N x C x H x W, after PreparePicture
  std::vector<int64_t> labels;
  std::vector<std::string> class_names;  // sorted; class_names[i] belongs to labels == class_ids[i]
  std::vector<int64_t> class_ids;
};

/// Classes are numbered by the sorted order of the subfolders' names; where every name is a decimal
/// number, that number is the label. Pictures come class by class, sorted by name; other files and
/// hidden ones are passed over. Errors name the picture that cannot be read or that has another
/// size than the first.
Result<FolderPictures> ReadImageFolder(const std::string& folder, const Preprocess& preprocess);

}  // namespace deftnn
