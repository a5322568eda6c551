#include "deftnn/runtime/calm.h"

#include <algorithm>
#include <cmath>

namespace deftnn {
namespace {

constexpr int kMostPasses = 25;
constexpr double kCalm = 1.2;  // times the least gauge

struct Sample {
  double ms = 0;
  double before = 0, after = 0;  // what the gauge took
};

double Median(std::vector<double> values) {
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

}  // namespace

std::vector<double> MeasureCalmly(std::span<const Measurement> measurements,
                                  const Measurement& gauge, double& calm_gauge) {
  std::vector<std::vector<Sample>> samples(measurements.size());
  const auto read_gauge = [&] {
    const double ms = gauge();
    calm_gauge = calm_gauge > 0 ? std::min(calm_gauge, ms) : ms;
    return ms;
  };
  const auto calm = [&](const Sample& sample) {
    return std::max(sample.before, sample.after) <= kCalm * calm_gauge;
  };
  for (int pass = 0; pass < kMostPasses; ++pass) {
    bool all_calm = true;
    double before = read_gauge();
    for (size_t i = 0; i < measurements.size(); ++i) {
      if (std::ranges::any_of(samples[i], calm)) continue;
      all_calm = false;
      const double ms = measurements[i]();
      const double after = read_gauge();
      samples[i].push_back({ms, before, after});
      before = after;
    }
    if (all_calm) break;
  }
  std::vector<double> times;
  for (const std::vector<Sample>& of_one : samples) {
    std::vector<double> in_calm, reckoned;
    for (const Sample& sample : of_one) {
      if (calm(sample)) in_calm.push_back(sample.ms);
      reckoned.push_back(sample.ms * calm_gauge / std::sqrt(sample.before * sample.after));
    }
    times.push_back(in_calm.empty() ? Median(reckoned)
                                    : *std::min_element(in_calm.begin(), in_calm.end()));
  }
  return times;
}

}  // namespace deftnn
