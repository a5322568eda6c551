// A short name for a network by its contents, for tables that outlive a run.
#pragma once

#include <string>

#include "deftnn/graph/graph.h"

namespace deftnn {

/// Eight hexadecimal digits: a checksum of the graph, its names and its weights.
Result<std::string> NetworkId(const Graph& graph);

}  // namespace deftnn
