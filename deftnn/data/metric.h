// How good outputs are, in percent, sample by sample, so that two networks can be compared in
// pairs.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "deftnn/base/status.h"
#include "deftnn/base/tensor.h"

namespace deftnn {

enum class MetricNeeds { kLabels, kReference };

/// One batch: the network's outputs with the samples along axis 0, and what they are compared with.
struct MetricBatch {
  std::span<const Tensor> outputs;
  std::span<const Tensor> reference = {};  // the original network's outputs; for kReference
  std::span<const int64_t> labels = {};    // one a sample; for kLabels
  int64_t first_sample = 0;                // for error messages
};

struct Metric {
  std::string_view name;
  std::string_view summary;
  MetricNeeds needs;
  bool higher_is_better;
  /// Appends one percentage a sample.
  Status (*per_sample)(const MetricBatch& batch, std::vector<double>& percent);
};

/// The list of metrics.inc, in its order.
std::span<const Metric> Metrics();
/// An error that lists the known names.
Result<const Metric*> FindMetric(std::string_view name);

/// Gathers a metric over batches.
class MetricAccumulator {
 public:
  explicit MetricAccumulator(const Metric& metric) : metric_(&metric) {}

  /// Errors: missing labels or reference, shapes that do not fit, what the metric itself refuses.
  Status Add(MetricBatch batch);

  const Metric& metric() const { return *metric_; }
  int64_t n() const { return static_cast<int64_t>(per_sample_.size()); }
  /// The mean of the samples, in percent; NaN before the first one.
  double value() const;
  /// In percent, in the order that they were added.
  const std::vector<double>& per_sample() const { return per_sample_; }

 private:
  const Metric* metric_;
  std::vector<double> per_sample_;
};

struct Drop {
  double points = 0;          // > 0: the second network is worse
  double standard_error = 0;  // of `points`; 0 for fewer than two samples
};
/// So many standard errors from the mean, a difference is no chance.
inline constexpr double kSureErrors = 2;
/// What is lost between two networks on the same samples: the mean of the differences, and the
/// standard error of that mean, which is far smaller than the error of either value alone.
Drop PairedDrop(std::span<const double> baseline, std::span<const double> optimized,
                bool higher_is_better = true);

enum class OutputKind { kLogits, kProbabilities };
/// Probabilities when no value is negative and every row sums to 1 within 1e-3.
Result<OutputKind> KindOf(const Tensor& outputs);
/// KL(original || candidate) in nats for each sample, of the distributions over the classes (for
/// logits their softmax; probabilities count as 1e-12 at least); several positions of a sample are
/// averaged. Infinite where the candidate's row holds a NaN; an error when the original's does, or
/// when the shapes differ.
Result<std::vector<double>> KlDivergence(const Tensor& original, const Tensor& candidate,
                                         OutputKind kind);

}  // namespace deftnn
