// Networks of a given size for timing: which entries of K go is drawn by chance.
#pragma once

#include <string>

#include "deftnn/graph/graph.h"

namespace deftnn {

/// Keeps the share `keep` (0-1) of the groups of `grouping` in every product of a dense canonical
/// graph but the first; in the first too when it is the only one. Convolutions in groups stay
/// whole. Producers of unread channels stay: only K shrinks. The same arguments give the same
/// network. Errors: an unknown grouping.
Result<Graph> CutAtRandom(const Graph& graph, double keep, const std::string& grouping);

}  // namespace deftnn
