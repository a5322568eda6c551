// The order of a network's channels that suits groups of neighbouring channels: those that are
// eliminated at about the same time lie side by side.
#pragma once

#include <optional>
#include <vector>

#include "deftnn/pipeline/reduce.h"

namespace deftnn {

/// `graph`, dense and canonical, with its channels in another order where that helps a grouping
/// of `method`; `statistics` and `targets`, by layer, follow. Nothing where no order is better than
/// another or no channel can move. `infos` by ValueId. The order holds for every grouping and for
/// any choice of the channels, so that it need not be found again in a narrower network.
Result<std::optional<Graph>> OrderChannels(const Graph& graph, const std::vector<ValueInfo>& infos,
                                           const std::vector<Layer>& layers, const Method& method,
                                           ThreadPool& pool,
                                           std::vector<LayerStatistics>& statistics,
                                           LayerTargets& targets);

}  // namespace deftnn
