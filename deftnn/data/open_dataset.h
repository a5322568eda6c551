// DATA on the command line: which reader a path needs, and its labels.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "deftnn/base/status.h"
#include "deftnn/data/dataset.h"
#include "deftnn/data/preprocess.h"

namespace deftnn {

struct DataOptions {
  /// An IDX or .npy file of integers; overrides labels that the data brings along.
  std::string labels_path;
  std::optional<Preprocess> preprocess;
  /// The network's inputs. With several, an .npz must hold an array for each by its name; with one,
  /// the data's only array (or `x`) takes its name. Empty: names as the data has them.
  std::vector<std::string> input_names;
};

/// Opens
///  - .npz: `x` and, for labels, `y` (when `y` is no input); several inputs by their names;
///  - .npy: one input; kept in its own type unless preprocessing normalises it (float32 then);
///  - IDX, gzipped or not: uint8 N x H x W becomes N x 1 x H x W; labels from the sibling
///    *labels-idx1-ubyte;
///  - a folder with a subfolder of JPEG/PNG for each class: N x C x H x W;
///  - CIFAR-10 binary: a .bin file or a folder of data_batch_*.bin: N x 3 x 32 x 32.
/// Pictures come as float32 of 0 to 255 when no preprocessing is given. Arrays of .npy and .npz are
/// taken to be in the layout that the preprocessing names; they can be normalised, not resized.
/// Errors name the file and what was expected.
Result<Dataset> OpenDataset(const std::string& path, const DataOptions& options = {});

}  // namespace deftnn
