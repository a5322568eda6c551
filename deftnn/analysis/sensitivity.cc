#include "deftnn/analysis/sensitivity.h"

#include <algorithm>
#include <cstdint>
#include <numeric>

#include "deftnn/base/check.h"

namespace deftnn {

ErrorCurve MakeMonotone(const ErrorCurve& curve) {
  DEFTNN_CHECK(curve.fractions.size() == curve.errors.size());
  std::vector<size_t> order(curve.fractions.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::stable_sort(order.begin(), order.end(),
                   [&](size_t a, size_t b) { return curve.fractions[a] < curve.fractions[b]; });
  ErrorCurve sorted;
  std::vector<int64_t> samples;
  for (const size_t i : order) {
    if (sorted.fractions.empty() || sorted.fractions.back() != curve.fractions[i]) {
      sorted.fractions.push_back(curve.fractions[i]);
      sorted.errors.push_back(0);
      samples.push_back(0);
    }
    sorted.errors.back() += curve.errors[i];
    ++samples.back();
  }
  struct Pool {
    double sum;
    int64_t samples;
    size_t fractions;  // that it covers
    double mean() const { return sum / static_cast<double>(samples); }
  };
  std::vector<Pool> pools;
  for (size_t i = 0; i < samples.size(); ++i) {
    pools.push_back({sorted.errors[i], samples[i], 1});
    while (pools.size() > 1 && pools.back().mean() > pools[pools.size() - 2].mean()) {
      const Pool top = pools.back();
      pools.pop_back();
      pools.back().sum += top.sum;
      pools.back().samples += top.samples;
      pools.back().fractions += top.fractions;
    }
  }
  sorted.errors.clear();
  for (const Pool& pool : pools)
    sorted.errors.insert(sorted.errors.end(), pool.fractions, pool.mean());
  return sorted;
}

double Interpolate(const ErrorCurve& curve, double fraction) {
  const std::vector<double>& f = curve.fractions;
  DEFTNN_CHECK(!f.empty() && f.size() == curve.errors.size());
  const auto above = std::lower_bound(f.begin(), f.end(), fraction) - f.begin();
  if (above == 0) return curve.errors.front();
  if (above == static_cast<std::ptrdiff_t>(f.size())) return curve.errors.back();
  const double share = (fraction - f[above - 1]) / (f[above] - f[above - 1]);
  return curve.errors[above - 1] + share * (curve.errors[above] - curve.errors[above - 1]);
}

}  // namespace deftnn
