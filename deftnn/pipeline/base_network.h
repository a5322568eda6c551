// The network that is reduced, opened: the original, the same with its channels in another order,
// or what an earlier round has reduced and trained.
#pragma once

#include <memory>
#include <vector>

#include "deftnn/pipeline/layers.h"
#include "deftnn/runtime/session.h"

namespace deftnn {

struct BaseNetwork {
  std::unique_ptr<Session> session;  // float32
  std::vector<ValueInfo> infos;      // by ValueId, at the batch that latency is measured at
  std::vector<Layer> layers;

  const Graph& graph() const { return session->graph(); }
};

/// `graph`: canonical, float32.
Result<BaseNetwork> OpenBase(Graph graph, int64_t batch, Isa isa, int threads);

/// The graph in which every product reads all of its K: entries that were eliminated are back, with
/// weights of 0, so that a further round may choose anew among all of them.
Result<Graph> WithAllEntries(Graph graph);

}  // namespace deftnn
