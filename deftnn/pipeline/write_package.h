// Writes an optimised network as .deft: the graph, what is known about it, and its weights as the
// kernels of this machine want them.
#pragma once

#include <string>

#include "deftnn/base/cpu.h"
#include "deftnn/graph/graph.h"
#include "deftnn/report/records.h"

namespace deftnn {

/// The metadata holds what does not change from run to run (model, goal, method, seed), so that
/// equal choices give equal bytes.
Status WriteOptimized(const std::string& path, const Graph& graph, const OptimizeRecord& record,
                      Isa isa);

/// Any canonical network, with this metadata (JSON).
Status WriteNetwork(const std::string& path, const Graph& graph, std::string metadata, Isa isa);

}  // namespace deftnn
