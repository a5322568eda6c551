// Cuts whole channels out of a network before anything finer is chosen, where they are read and
// where they are made: what is then eliminated and refitted serves only the outputs that are left.
#pragma once

#include <vector>

#include "deftnn/pipeline/layers.h"

namespace deftnn {

/// What one layer keeps: whole input channels first, whose producers are cut too, then a fraction
/// in finer groups of what is left.
struct LayerCut {
  std::vector<int64_t> channels;  // rising; empty: all
  double fine = 1.0;
  int grouping = 0;  // of those groups: the index in Method::groupings
};

struct NarrowNetwork {
  Graph graph;                // canonical
  std::vector<Layer> layers;  // in the order of the original's
  /// By layer: which of the original's outputs it still makes, rising.
  std::vector<std::vector<int64_t>> outputs;
};

/// `original`: a dense canonical graph. `cuts` by layer; one that drops channels has producers.
Result<NarrowNetwork> CutChannels(const Graph& original, const std::vector<Layer>& layers,
                                  const std::vector<LayerCut>& cuts);

/// The graph in which node `index` reads every entry of its K: what it did not read, with weights
/// of 0.
Result<Graph> ReadingAll(const Graph& graph, int index);

}  // namespace deftnn
