// Margins of a classifier, and what they tell about the accuracy that a changed network loses.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "deftnn/base/status.h"
#include "deftnn/base/tensor.h"
#include "deftnn/data/metric.h"

namespace deftnn {

/// By how much the label's output exceeds the best other one, one value a sample: top1 counts those
/// above 0. A row with a NaN is far below. `outputs`: N x C, one position a sample. Errors: another
/// shape, a label that is no class.
Result<std::vector<double>> Margins(const Tensor& outputs, std::span<const int64_t> labels);

/// The best class of each sample of N x C outputs.
Result<std::vector<int64_t>> BestClasses(const Tensor& outputs);

/// The points of top1 that are lost between margins `before` and `after` of the same samples. Which
/// samples tip over is chance: a sample close to the edge may be pushed either way. So each one's
/// margin is tried with the changes of the samples whose margins were nearest to its own as well,
/// and counts by the share of them that tips it over; the mean is that of counting, and most of
/// the chance is gone. The standard error is that of the samples' choice.
Drop SmoothedDrop(std::span<const double> before, std::span<const double> after);

}  // namespace deftnn
