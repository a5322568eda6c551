// Tells runs of fine-tuning apart: checksums of what a run's result depends on.
#pragma once

#include <string>

#include "deftnn/data/dataset.h"
#include "deftnn/graph/graph.h"

namespace deftnn {

/// Of nodes and constants.
uint32_t ChecksumOf(const Graph& graph);
/// Of the count, the labels, which samples they are, and the contents of some hundreds of them.
uint32_t ChecksumOf(const Dataset& data);
uint32_t ChecksumOf(const std::string& text);

}  // namespace deftnn
