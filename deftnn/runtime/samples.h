// Which values of a network are a stack of samples, none of which depends on another.
#pragma once

#include <vector>

#include "deftnn/graph/graph.h"
#include "deftnn/ops/op.h"

namespace deftnn {

/// The extent of axis 0 of the first input, at least 1.
int64_t BatchOf(const Graph& graph, const std::vector<ValueInfo>& infos);

/// By ValueId: true where axis 0 is `batch` equal chunks (one sample may have several rows), and
/// chunk i depends on chunk i of the inputs and on constants only. A node whose operator or
/// attributes are not known to keep samples apart makes values that are not.
std::vector<bool> FindSamples(const Graph& graph, const std::vector<ValueInfo>& infos,
                              int64_t batch);

}  // namespace deftnn
