// What elimination needs to know about a layer's inputs and targets: means and centred moments.
#pragma once

#include <span>
#include <vector>

#include "deftnn/analysis/linear_algebra.h"

namespace deftnn {

/// Moments of a layer with K inputs x (the reduced network's, in the order of the collapsed
/// dimension) and O targets y (the original network's outputs of this layer, without their bias),
/// over `count` sampled output positions.
struct LayerStatistics {
  int64_t count = 0;
  std::vector<double> mean;  // [K] mu = E[x]
  Matrix gram;               // [K x K] G = E[(x - mu)(x - mu)^T]
  // Empty when the targets are the layer's own outputs on these inputs: see WithTargets.
  std::vector<double> target_mean;      // [O] ybar = E[y]
  std::vector<double> target_variance;  // [O] E[(y - ybar)^2]
  Matrix cross;                         // [O x K] C = E[(y - ybar)(x - mu)^T]

  int64_t inputs() const { return static_cast<int64_t>(mean.size()); }
  bool has_targets() const { return !target_mean.empty(); }
};

/// Sizes agree, every value is finite, at least one sample.
Status CheckStatistics(const LayerStatistics& statistics);

/// Fills in the targets y = W x of the layer itself (weights [O x K], row-major), when the
/// statistics have none: C = W G, ybar = W mu, variance = diag(W G W^T).
LayerStatistics WithTargets(LayerStatistics statistics, std::span<const float> weights,
                            int64_t outputs, ThreadPool* pool = nullptr);

}  // namespace deftnn
