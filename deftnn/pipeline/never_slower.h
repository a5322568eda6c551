// Never slower, layer by layer: entries of K are eliminated only where the smaller product is
// faster on this machine.
#pragma once

#include <functional>
#include <span>
#include <string>
#include <vector>

#include "deftnn/pipeline/gain.h"
#include "deftnn/pipeline/search.h"
#include "deftnn/runtime/measure_product.h"

namespace deftnn {

/// Milliseconds of products on one thread.
using TimesOfProducts = std::function<std::vector<double>(std::span<const ProductGeometry>)>;

/// A layer whose eliminated product is not faster than the same layer would be with all the inputs
/// that it still has.
struct SlowLayer {
  size_t layer = 0;  // its index
  std::string reason;
};
struct LayerTimes {
  std::vector<SlowLayer> slow;  // among those of which the fine stage was to cut something
  double sum_ms = 0;            // of all products
};
/// `reduced` is a candidate's graph, run with `batch` samples in `format`; `layers` and `kept` are
/// what it was made from.
Result<LayerTimes> TimeLayers(const Graph& reduced, int64_t batch, const FormatChoice& format,
                              const std::vector<Layer>& layers,
                              const std::vector<KeptFraction>& kept, const TimesOfProducts& time);

/// The candidate with its slow layers left whole by the fine stage: made again, so that each layer
/// is fitted to the inputs that it really gets, and channels are cut as they were. It stays as it
/// is where that would lose more or take longer in sum. `reasons`, by layer, is filled in where a
/// layer was restored.
Result<Candidate> RestoreSlowLayers(const SearchSetting& setting, Candidate candidate,
                                    CostTable& costs, std::vector<std::string>& reasons);

}  // namespace deftnn
