// Checks that a graph is one: the driver of the passes calls it around every patch.
#pragma once

#include "deftnn/graph/graph.h"

namespace deftnn {

/// Every id in range, every value made once (by an input, a constant or one node) before it is
/// read, names unique, outputs made. The error names the node.
Status Verify(const Graph& graph);

}  // namespace deftnn
