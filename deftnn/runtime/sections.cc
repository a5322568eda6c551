#include "deftnn/runtime/sections.h"

#include <algorithm>
#include <limits>

namespace deftnn {
namespace {

constexpr double kNever = std::numeric_limits<double>::infinity();

// The share of `bytes`, used over and over, that a cache does not hold.
double Beyond(double bytes, int64_t cache) {
  return bytes <= 0 ? 0 : std::max(0.0, 1 - static_cast<double>(cache) / bytes);
}

// Nanoseconds for one byte of a set of `bytes` that is used over and over.
double ByteCost(double bytes, const TrafficCosts& costs) {
  return costs.far_ns * Beyond(bytes, costs.near_bytes) +
         costs.memory_ns * Beyond(bytes, costs.far_bytes);
}

std::vector<int64_t> Divisors(int64_t batch) {
  std::vector<int64_t> divisors;
  for (int64_t n = 1; n <= batch; ++n) {
    if (batch % n == 0) divisors.push_back(n);
  }
  return divisors;
}

}  // namespace

std::vector<Section> ChooseSections(const std::vector<StepTraffic>& steps,
                                    const std::vector<double>& across, int64_t batch,
                                    const TrafficCosts& costs) {
  const std::vector<int64_t> sizes = Divisors(batch);
  const int last = static_cast<int>(sizes.size()) - 1;
  double all_weights = 0;
  for (const StepTraffic& step : steps) all_weights += step.weight_bytes;
  const double weight_byte = ByteCost(all_weights, costs);
  const auto cost_of = [&](const StepTraffic& step, int size) {
    if (!step.by_sample && size != last) return kNever;
    const double samples = static_cast<double>(sizes[size]);
    const double parts = static_cast<double>(batch) / samples;
    const double moved = samples * step.sample_bytes;
    return parts * (costs.launch_ns + step.weight_bytes * weight_byte +
                    moved * ByteCost(moved + step.weight_bytes, costs));
  };
  // cost[s]: the least for the steps so far, the last of them in parts of sizes[s];
  // from[i][s]: the size of the step before it.
  std::vector<double> cost(sizes.size(), 0);
  std::vector<std::vector<int>> from;
  for (size_t i = 0; i < steps.size(); ++i) {
    const int best = static_cast<int>(std::min_element(cost.begin(), cost.end()) - cost.begin());
    const double whole = across[i] * static_cast<double>(batch);
    const double change = across[i] < 0 ? kNever : cost[best] + 2 * whole * ByteCost(whole, costs);
    std::vector<int>& origin = from.emplace_back(sizes.size());
    for (int s = 0; s <= last; ++s) {
      origin[s] = i > 0 && change < cost[s] ? best : s;
      cost[s] = std::min(cost[s], i > 0 ? change : kNever) + cost_of(steps[i], s);
    }
  }
  // Of equal costs the largest parts: fewest launches.
  int size = last;
  for (int s = last; s >= 0; --s) {
    if (cost[s] < cost[size]) size = s;
  }
  std::vector<Section> sections;
  for (int i = static_cast<int>(steps.size()) - 1; i >= 0; --i) {
    if (sections.empty() || sections.back().samples != sizes[size]) {
      sections.push_back({i, i + 1, sizes[size]});
    }
    sections.back().begin = i;
    size = from[i][size];
  }
  std::reverse(sections.begin(), sections.end());
  return sections;
}

}  // namespace deftnn
