// --metric-cmd: a program of the user's that judges outputs; and the folder of .npy it reads.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "deftnn/base/status.h"
#include "deftnn/base/tensor.h"

namespace deftnn {

using NamedTensors = std::vector<std::pair<std::string, Tensor>>;

/// Writes FOLDER/<name>.npy for each tensor; '/' and characters below space become '_', and names
/// that then coincide are an error. The folder is created when it is missing.
Status WriteNpyFolder(const std::string& folder, const NamedTensors& tensors);

/// Writes the tensors into a temporary folder, runs `command FOLDER` through /bin/sh, and reads the
/// number on the last line that the program prints on standard output; higher is better. Errors: no
/// exit with 0, no finite number, more than `timeout_seconds` (then the program and its children
/// are killed). The folder is removed in every case.
Result<double> RunMetricCommand(const std::string& command, const NamedTensors& tensors,
                                double timeout_seconds = 600);

}  // namespace deftnn
