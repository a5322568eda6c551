#include "deftnn/analysis/statistics.h"

#include <algorithm>
#include <cmath>

namespace deftnn {
namespace {

bool Finite(const std::vector<double>& values) {
  return std::all_of(values.begin(), values.end(), [](double v) { return std::isfinite(v); });
}

}  // namespace

Status CheckStatistics(const LayerStatistics& statistics) {
  const int64_t k = statistics.inputs();
  const auto targets = static_cast<int64_t>(statistics.target_mean.size());
  if (statistics.count < 1) return Error("no calibration sample reached this layer");
  if (k < 1 || statistics.gram.rows != k || statistics.gram.cols != k)
    return Error("a Gram matrix of {}x{} for {} inputs", statistics.gram.rows, statistics.gram.cols,
                 k);
  if (targets > 0 && (statistics.cross.rows != targets || statistics.cross.cols != k ||
                      static_cast<int64_t>(statistics.target_variance.size()) != targets)) {
    return Error("cross moments of {}x{} for {} targets and {} inputs", statistics.cross.rows,
                 statistics.cross.cols, targets, k);
  }
  if (!Finite(statistics.mean) || !Finite(statistics.gram.data) ||
      !Finite(statistics.target_mean) || !Finite(statistics.target_variance) ||
      !Finite(statistics.cross.data)) {
    return Error("the calibration statistics hold a value that is not finite")
        .WithHint("check the data and the model for NaN and overflow");
  }
  return {};
}

LayerStatistics WithTargets(LayerStatistics statistics, std::span<const float> weights,
                            int64_t outputs, ThreadPool* pool) {
  if (statistics.has_targets()) return statistics;
  const int64_t k = statistics.inputs();
  DEFTNN_CHECK(static_cast<int64_t>(weights.size()) == outputs * k);
  Matrix w(outputs, k);
  std::copy(weights.begin(), weights.end(), w.data.begin());
  statistics.cross = Product(pool, w, Transposed::kNo, statistics.gram, Transposed::kNo);
  for (int64_t o = 0; o < outputs; ++o) {
    statistics.target_mean.push_back(Dot(k, w.row(o), statistics.mean.data()));
    statistics.target_variance.push_back(std::max(0.0, Dot(k, w.row(o), statistics.cross.row(o))));
  }
  return statistics;
}

}  // namespace deftnn
