#include "deftnn/data/metric.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <numeric>

#include "deftnn/data/class_rows.h"

namespace deftnn {

Result<ClassRows> ClassRowsOf(const Shape& shape) {
  Shape trimmed = shape;
  while (trimmed.size() > 2 && trimmed.back() == 1) trimmed.pop_back();
  if (trimmed.size() < 2 || ElementCount(trimmed) == 0) {
    return Error("an output of shape {} has no classes to choose from", ToString(shape))
        .WithHint("--metric cosine");
  }
  ClassRows rows;
  rows.samples = trimmed[0];
  if (trimmed.size() == 2) {
    rows.classes = trimmed[1];
  } else if (trimmed.size() == 3) {
    rows.positions = trimmed[1];
    rows.classes = trimmed[2];
    rows.position_stride = rows.classes;
  } else {
    rows.classes = trimmed[1];
    rows.positions = ElementCount(Shape(trimmed.begin() + 2, trimmed.end()));
    rows.position_stride = 1;
    rows.class_stride = rows.positions;
  }
  return rows;
}

Status CheckLabel(int64_t sample, int64_t label, const ClassRows& rows) {
  if (label >= 0 && label < rows.classes) return {};
  return Error("sample {} has the label {}, but the network has {} classes", sample, label,
               rows.classes)
      .WithHint("--labels with the network's own numbering");
}

namespace {

const float* Row(const Tensor& tensor, const ClassRows& rows, int64_t sample, int64_t position) {
  return tensor.values<float>().data() + sample * rows.positions * rows.classes +
         position * rows.position_stride;
}

bool HasNan(const float* row, const ClassRows& rows) {
  for (int64_t c = 0; c < rows.classes; ++c) {
    if (std::isnan(row[c * rows.class_stride])) return true;
  }
  return false;
}

/// How many classes come before `c`: higher, or equal with a lower index.
int64_t RankOf(const float* row, const ClassRows& rows, int64_t c) {
  const float value = row[c * rows.class_stride];
  int64_t rank = 0;
  for (int64_t other = 0; other < rows.classes; ++other) {
    const float x = row[other * rows.class_stride];
    rank += x > value || (x == value && other < c);
  }
  return rank;
}

int64_t ArgMax(const float* row, const ClassRows& rows) {
  int64_t best = 0;
  for (int64_t c = 1; c < rows.classes; ++c) {
    if (row[c * rows.class_stride] > row[best * rows.class_stride]) best = c;
  }
  return best;
}

/// 100 where the label is among the `k` best classes, 0 elsewhere; a NaN in the row counts as 0.
Status TopK(const MetricBatch& batch, int64_t k, std::vector<double>& percent) {
  DEFTNN_ASSIGN_OR_RETURN(const Tensor outputs, ToFloat32(batch.outputs[0]));
  DEFTNN_ASSIGN_OR_RETURN(const ClassRows rows, ClassRowsOf(outputs.shape()));
  if (rows.positions != 1) {
    return Error("an output of shape {} has {} positions a sample, but there is one label",
                 ToString(outputs.shape()), rows.positions)
        .WithHint("--metric agreement");
  }
  if (rows.samples != static_cast<int64_t>(batch.labels.size())) {
    return Error("the network gave {} rows for {} labels", rows.samples, batch.labels.size());
  }
  for (int64_t s = 0; s < rows.samples; ++s) {
    const int64_t label = batch.labels[static_cast<size_t>(s)];
    DEFTNN_RETURN_IF_ERROR(CheckLabel(batch.first_sample + s, label, rows));
    const float* row = Row(outputs, rows, s, 0);
    percent.push_back(!HasNan(row, rows) && RankOf(row, rows, label) < k ? 100.0 : 0.0);
  }
  return {};
}

Status Top1(const MetricBatch& batch, std::vector<double>& percent) {
  return TopK(batch, 1, percent);
}

Status Top5(const MetricBatch& batch, std::vector<double>& percent) {
  return TopK(batch, 5, percent);
}

Status SameShapes(const MetricBatch& batch) {
  if (batch.outputs.size() != batch.reference.size()) {
    return Error("the network has {} outputs and the reference {}", batch.outputs.size(),
                 batch.reference.size());
  }
  for (size_t i = 0; i < batch.outputs.size(); ++i) {
    if (batch.outputs[i].shape() != batch.reference[i].shape()) {
      return Error("output {} has shape {} but the reference's has {}", i,
                   ToString(batch.outputs[i].shape()), ToString(batch.reference[i].shape()))
          .WithHint("a --reference with the same outputs");
    }
    if (batch.outputs[i].rank() == 0 || batch.outputs[i].dim(0) != batch.outputs[0].dim(0)) {
      return Error("output {} of shape {} does not count samples along its first axis", i,
                   ToString(batch.outputs[i].shape()));
    }
  }
  return {};
}

/// The share of positions whose best class is the original's; a NaN on either side counts as 0.
Status Agreement(const MetricBatch& batch, std::vector<double>& percent) {
  DEFTNN_RETURN_IF_ERROR(SameShapes(batch));
  DEFTNN_ASSIGN_OR_RETURN(const Tensor outputs, ToFloat32(batch.outputs[0]));
  DEFTNN_ASSIGN_OR_RETURN(const Tensor reference, ToFloat32(batch.reference[0]));
  DEFTNN_ASSIGN_OR_RETURN(const ClassRows rows, ClassRowsOf(outputs.shape()));
  for (int64_t s = 0; s < rows.samples; ++s) {
    int64_t agreed = 0;
    for (int64_t p = 0; p < rows.positions; ++p) {
      const float* a = Row(outputs, rows, s, p);
      const float* b = Row(reference, rows, s, p);
      agreed += !HasNan(a, rows) && !HasNan(b, rows) && ArgMax(a, rows) == ArgMax(b, rows);
    }
    percent.push_back(100.0 * static_cast<double>(agreed) / static_cast<double>(rows.positions));
  }
  return {};
}

/// Sums over every output of one sample.
struct Distances {
  double aa = 0, bb = 0, ab = 0, difference = 0;
};

template <typename PerSample>
Status ForEachSample(const MetricBatch& batch, PerSample per_sample) {
  DEFTNN_RETURN_IF_ERROR(SameShapes(batch));
  const int64_t samples = batch.outputs.empty() ? 0 : batch.outputs[0].dim(0);
  std::vector<Distances> distances(static_cast<size_t>(samples));
  for (size_t i = 0; i < batch.outputs.size(); ++i) {
    DEFTNN_ASSIGN_OR_RETURN(const Tensor outputs, ToFloat32(batch.outputs[i]));
    DEFTNN_ASSIGN_OR_RETURN(const Tensor reference, ToFloat32(batch.reference[i]));
    const size_t width = samples == 0 ? 0 : static_cast<size_t>(outputs.size() / samples);
    for (size_t s = 0; s < distances.size(); ++s) {
      const auto a = outputs.values<float>().subspan(s * width, width);
      const auto b = reference.values<float>().subspan(s * width, width);
      for (size_t j = 0; j < width; ++j) {
        const double x = a[j], y = b[j];
        if (!std::isfinite(x) || !std::isfinite(y)) {
          return Error("sample {} has a {} in output {} of the {}",
                       batch.first_sample + static_cast<int64_t>(s),
                       std::isnan(std::isfinite(x) ? y : x) ? "NaN" : "value that is infinite", i,
                       std::isfinite(x) ? "reference" : "network");
        }
        distances[s].aa += x * x;
        distances[s].bb += y * y;
        distances[s].ab += x * y;
        distances[s].difference += (x - y) * (x - y);
      }
    }
  }
  for (const Distances& d : distances) per_sample(d);
  return {};
}

/// Two zero outputs agree wholly, a zero and a non-zero one not at all.
Status Cosine(const MetricBatch& batch, std::vector<double>& percent) {
  return ForEachSample(batch, [&](const Distances& d) {
    const double norm = std::sqrt(d.aa) * std::sqrt(d.bb);
    const double both_zero = d.aa == 0 && d.bb == 0 ? 1.0 : 0.0;
    percent.push_back(100.0 * (norm > 0 ? std::clamp(d.ab / norm, -1.0, 1.0) : both_zero));
  });
}

/// A zero original and a non-zero output count as 100 %.
Status RelativeL2(const MetricBatch& batch, std::vector<double>& percent) {
  return ForEachSample(batch, [&](const Distances& d) {
    const double whole = d.difference > 0 ? 1.0 : 0.0;
    percent.push_back(100.0 * (d.bb > 0 ? std::sqrt(d.difference / d.bb) : whole));
  });
}

constexpr Metric kMetrics[] = {
#define DEFTNN_METRIC(name, summary, needs, higher_is_better, function) \
  {name, summary, MetricNeeds::needs, higher_is_better, function},
#include "deftnn/data/metrics.inc"
#undef DEFTNN_METRIC
};

}  // namespace

std::span<const Metric> Metrics() { return kMetrics; }

Result<const Metric*> FindMetric(std::string_view name) {
  std::vector<std::string_view> names;
  for (const Metric& metric : kMetrics) {
    if (metric.name == name) return &metric;
    names.push_back(metric.name);
  }
  return Error("there is no metric '{}'", name).WithHint(fmt::format("{}", fmt::join(names, ", ")));
}

Status MetricAccumulator::Add(MetricBatch batch) {
  if (batch.outputs.empty()) return Error("the network gave no outputs");
  if (metric_->needs == MetricNeeds::kLabels && batch.labels.empty()) {
    return Error("the metric {} needs labels and the data has none", metric_->name)
        .WithHint("--labels, or --metric agreement");
  }
  if (metric_->needs == MetricNeeds::kReference && batch.reference.empty()) {
    return Error("the metric {} compares with another network", metric_->name)
        .WithHint("--reference");
  }
  batch.first_sample = n();
  return metric_->per_sample(batch, per_sample_);
}

double MetricAccumulator::value() const {
  if (per_sample_.empty()) return std::numeric_limits<double>::quiet_NaN();
  return std::accumulate(per_sample_.begin(), per_sample_.end(), 0.0) /
         static_cast<double>(per_sample_.size());
}

Drop PairedDrop(std::span<const double> baseline, std::span<const double> optimized,
                bool higher_is_better) {
  DEFTNN_CHECK(baseline.size() == optimized.size());
  Drop drop;
  if (baseline.empty()) return drop;
  const double sign = higher_is_better ? 1 : -1;
  const double n = static_cast<double>(baseline.size());
  double sum = 0;
  for (size_t i = 0; i < baseline.size(); ++i) sum += sign * (baseline[i] - optimized[i]);
  drop.points = sum / n;
  if (baseline.size() < 2) return drop;
  double squares = 0;
  for (size_t i = 0; i < baseline.size(); ++i) {
    const double deviation = sign * (baseline[i] - optimized[i]) - drop.points;
    squares += deviation * deviation;
  }
  drop.standard_error = std::sqrt(squares / (n - 1) / n);
  return drop;
}

}  // namespace deftnn
