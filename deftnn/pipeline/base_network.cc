#include "deftnn/pipeline/base_network.h"

#include <utility>

#include "deftnn/pipeline/feed.h"
#include "deftnn/pipeline/narrow.h"

namespace deftnn {

Result<BaseNetwork> OpenBase(Graph graph, int64_t batch, Isa isa, int threads) {
  BaseNetwork base;
  DEFTNN_ASSIGN_OR_RETURN(base.infos,
                          InferShapes(graph, DefaultInputs(graph, BatchFor(graph, batch))));
  DEFTNN_ASSIGN_OR_RETURN(base.layers, ListLayers(graph, base.infos));
  DEFTNN_ASSIGN_OR_RETURN(
      base.session,
      Session::Create(std::move(graph), {.threads = threads, .isa = isa, .packed = nullptr}));
  return base;
}

Result<Graph> WithAllEntries(Graph graph) {
  for (int index = 0; index < std::ssize(graph.nodes()); ++index) {
    const Node& node = graph.node(index);
    if (!IsSynapseProduct(node)) continue;
    DEFTNN_ASSIGN_OR_RETURN(const SynapseProduct product, SynapseProduct::Read(node));
    const Tensor* weights = graph.Constant(node.inputs[SynapseProduct::kW]);
    if (weights == nullptr || weights->dim(1) == FullK(node, product)) continue;
    DEFTNN_ASSIGN_OR_RETURN(graph, ReadingAll(graph, index));
  }
  return graph;
}

}  // namespace deftnn
