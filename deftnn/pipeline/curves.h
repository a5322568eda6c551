// Error curves: what the whole network loses when one layer alone is cut.
#pragma once

#include <functional>
#include <vector>

#include "deftnn/analysis/sensitivity.h"
#include "deftnn/pipeline/reduce.h"
#include "deftnn/pipeline/score.h"

namespace deftnn {

/// The root of what the network's outputs lose, on unlabelled samples, when one layer alone keeps a
/// fraction, by whole channels and by finer groups.
struct LayerCurves {
  ErrorCurve channels;           // empty where no producer can be cut
  std::vector<ErrorCurve> fine;  // by Method::groupings; empty where there is no fine stage
  /// Input channels in the order in which they go, and how many of them go for nothing: those are
  /// first. Empty where no producer can be cut.
  std::vector<int64_t> channel_order;
  int64_t free_channels = 0;
};

/// By layer, for each way to weigh what the outputs lose: YardsticksOfLoss.
using CurvesByLoss = std::vector<std::vector<LayerCurves>>;

struct CurveOptions {
  Method method;
  Yardstick yardstick;                // whose kind of loss counts
  bool channels = true, fine = true;  // which stages may be used at all
  /// If not, the network is run at one fraction, and at others the loss follows the layer's error.
  bool every_fraction = true;
  int threads = 0;
  FormatChoice format;            // that the networks run in
  std::function<void()> advance;  // after each layer; may be null
};

/// How much is run for the curves.
struct CurveEffort {
  int64_t samples = 0;
  bool every_fraction = true;
};

/// As much as stays within about 2e13 multiply-adds, a few minutes: all `available` samples at
/// every fraction for small networks, fewer (64 or more) and then one fraction for large ones. The
/// rows of `layers` are those of `batch` samples; the network takes multiples of `fixed`.
CurveEffort PlanCurves(const std::vector<Layer>& layers, const CurveOptions& options,
                       int64_t available, int64_t batch, int64_t fixed);

/// Runs `original` with one layer reduced at a time over `samples`; statistics by layer.
Result<CurvesByLoss> MeasureCurves(Session& original, const std::vector<Layer>& layers,
                                   const std::vector<LayerStatistics>& statistics,
                                   const Dataset& samples, const CurveOptions& options,
                                   ThreadPool& pool);

}  // namespace deftnn
