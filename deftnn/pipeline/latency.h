// Latency, measured so that two networks can be compared on a machine that others use too.
#pragma once

#include <vector>

#include "deftnn/base/status.h"
#include "deftnn/base/tensor.h"
#include "deftnn/runtime/session.h"

namespace deftnn {

struct Latency {
  double min_ms = 0, median_ms = 0, mean_ms = 0, p90_ms = 0, p99_ms = 0;
  int64_t samples = 0;
};

struct LatencyRequest {
  Session* session = nullptr;
  std::vector<Tensor> inputs;
};

struct LatencyLimits {
  double seconds = 1.0;    // for all requests together
  int64_t iterations = 0;  // of each; when > 0 it counts instead of the time
};

/// Runs the requests in turns of a few milliseconds each, so that a disturbance meets them alike,
/// after a warm-up of each. One sample is one run.
Result<std::vector<Latency>> MeasureInterleaved(const std::vector<LatencyRequest>& requests,
                                                const LatencyLimits& limits);

/// The statistics of some samples in milliseconds (at least one).
Latency Summarise(std::vector<double> samples_ms);

}  // namespace deftnn
