#include "deftnn/pipeline/latency.h"

#include <algorithm>
#include <chrono>
#include <numeric>

namespace deftnn {
namespace {

using Clock = std::chrono::steady_clock;
constexpr double kTurnMs = 5;
constexpr int kWarmUps = 3;

double SecondsSince(Clock::time_point begin) {
  return std::chrono::duration<double>(Clock::now() - begin).count();
}

}  // namespace

Latency Summarise(std::vector<double> samples) {
  DEFTNN_CHECK(!samples.empty());
  std::sort(samples.begin(), samples.end());
  const auto quantile = [&](double q) {
    return samples[std::min(samples.size() - 1,
                            static_cast<size_t>(q * static_cast<double>(samples.size())))];
  };
  const double sum = std::accumulate(samples.begin(), samples.end(), 0.0);
  return {samples.front(), quantile(0.5),  sum / static_cast<double>(samples.size()),
          quantile(0.9),   quantile(0.99), static_cast<int64_t>(samples.size())};
}

Result<std::vector<Latency>> MeasureInterleaved(const std::vector<LatencyRequest>& requests,
                                                const LatencyLimits& limits) {
  for (const LatencyRequest& request : requests) {
    for (int i = 0; i < kWarmUps; ++i) {
      const auto outputs = request.session->Run(request.inputs);
      if (!outputs.ok()) return outputs.status();
    }
  }
  std::vector<std::vector<double>> samples(requests.size());
  const auto begin = Clock::now();
  const auto wanted = [&] {
    if (samples.front().empty()) return true;
    if (limits.iterations > 0)
      return static_cast<int64_t>(samples.back().size()) < limits.iterations;
    return SecondsSince(begin) < limits.seconds;
  };
  while (wanted()) {
    for (size_t r = 0; r < requests.size(); ++r) {
      const auto turn = Clock::now();
      do {
        const auto start = Clock::now();
        const auto outputs = requests[r].session->Run(requests[r].inputs);
        samples[r].push_back(SecondsSince(start) * 1e3);
        if (!outputs.ok()) return outputs.status();
      } while (
          SecondsSince(turn) * 1e3 < kTurnMs &&
          (limits.iterations == 0 || static_cast<int64_t>(samples[r].size()) < limits.iterations));
    }
  }
  std::vector<Latency> latencies;
  for (auto& list : samples) latencies.push_back(Summarise(std::move(list)));
  return latencies;
}

}  // namespace deftnn
