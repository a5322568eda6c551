// A stretch of a network as a network of its own, so that what lies before it need not run again.
#pragma once

#include <vector>

#include "deftnn/graph/graph.h"

namespace deftnn {

/// What is still needed once the nodes before `index` have run: values that they make, or inputs of
/// the graph, which are read from `index` on or are outputs of the graph. Rising.
std::vector<ValueId> LiveBefore(const Graph& graph, int index);

/// Nodes [first, last): inputs are the values of LiveBefore(first) that these nodes read, outputs
/// those of LiveBefore(last) that they make, each in rising order. Names are kept.
Graph Segment(const Graph& graph, int first, int last);

}  // namespace deftnn
