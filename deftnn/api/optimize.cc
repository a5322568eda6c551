#include "deftnn/optimize.h"

#include <algorithm>

#include "deftnn/api/guard.h"
#include "deftnn/pipeline/choices.h"
#include "deftnn/pipeline/verbs.h"
#include "deftnn/report/json.h"

namespace deftnn::v1 {
namespace {

Status CheckName(const char* option, const std::string& name,
                 const std::vector<std::string>& names) {
  if (std::find(names.begin(), names.end(), name) != names.end()) return {};
  return deftnn::Error("{} is '{}'", option, name)
      .WithHint(fmt::format("{}", fmt::join(names, ", ")));
}

Status CheckRange(const char* option, const std::optional<double>& value, double low, double high) {
  if (!value || (*value >= low && *value <= high)) return {};
  return deftnn::Error("{} is {}", option, *value).WithHint(fmt::format("{} to {}", low, high));
}

// What the command line's parser checks for `deftnn optimize`.
Status CheckOptions(const OptimizeOptions& options) {
  if (options.model.empty()) return deftnn::Error("model is empty");
  if (options.output.empty()) return deftnn::Error("output is empty");
  if (options.calibration.empty()) return deftnn::Error("calibration is empty");
  const int goals =
      options.max_drop.has_value() + options.speedup.has_value() + options.reduce_macs.has_value();
  if (goals > 1) return deftnn::Error("more than one of max_drop, speedup and reduce_macs is set");
  DEFTNN_RETURN_IF_ERROR(CheckRange("max_drop", options.max_drop, 0, 100));
  DEFTNN_RETURN_IF_ERROR(CheckRange("speedup", options.speedup, 1, 1000));
  DEFTNN_RETURN_IF_ERROR(CheckRange("reduce_macs", options.reduce_macs, 1, 1000));
  DEFTNN_RETURN_IF_ERROR(CheckName("criterion", options.criterion, CriterionNames()));
  DEFTNN_RETURN_IF_ERROR(CheckName("compensation", options.compensation, CompensationNames()));
  DEFTNN_RETURN_IF_ERROR(CheckName("group", options.group, GroupingNames()));
  DEFTNN_RETURN_IF_ERROR(CheckName("allocation", options.allocation, {"measured", "uniform"}));
  DEFTNN_RETURN_IF_ERROR(CheckName("format", options.format, {"auto", "fp32", "dfp16"}));
  if (!options.metric.empty())
    DEFTNN_RETURN_IF_ERROR(CheckName("metric", options.metric, MetricNames()));
  if (options.calibration_samples < 1)
    return deftnn::Error("calibration_samples is {}", options.calibration_samples);
  if (options.calibration_rows < 1)
    return deftnn::Error("calibration_rows is {}", options.calibration_rows);
  if (!(options.epochs > 0)) return deftnn::Error("epochs is {}", options.epochs);
  if (!(options.learning_rate >= 0))
    return deftnn::Error("learning_rate is {}", options.learning_rate);
  DEFTNN_RETURN_IF_ERROR(CheckRange("rounds", options.rounds, 1, 100));
  if (options.crop < 0) return deftnn::Error("crop is {}", options.crop);
  if (options.batch < 1) return deftnn::Error("batch is {}", options.batch);
  return api::CheckThreads(options.threads);
}

deftnn::OptimizeOptions ToInternal(const OptimizeOptions& options) {
  deftnn::OptimizeOptions internal;
  internal.common.seed = options.seed;
  internal.common.threads = options.threads;
  internal.common.batch = options.batch;
  internal.common.labels = options.labels;
  internal.common.preprocess = options.preprocess;
  internal.model = options.model;
  internal.output = options.output;
  internal.calibration = options.calibration;
  internal.evaluation = options.evaluation;
  internal.max_drop = options.max_drop;
  internal.speedup = options.speedup;
  internal.reduce_macs = options.reduce_macs;
  internal.metric = options.metric;
  internal.metric_command = options.metric_command;
  internal.criterion = options.criterion;
  internal.compensation = options.compensation;
  internal.group = options.group;
  internal.allocation = options.allocation;
  internal.format = options.format;
  internal.costs = options.costs;
  internal.report = options.html_report;
  internal.json = options.json_report;
  internal.calibration_samples = options.calibration_samples;
  internal.calibration_rows = options.calibration_rows;
  internal.fine_tune.data = options.fine_tune;
  internal.fine_tune.epochs = options.epochs;
  internal.fine_tune.distill = options.distill;
  internal.fine_tune.learning_rate = options.learning_rate;
  internal.fine_tune.flip = options.flip;
  internal.fine_tune.crop = options.crop;
  internal.fine_tune.rounds = options.rounds;
  return internal;
}

OptimizeResult ToPublic(const OptimizeRecord& record) {
  OptimizeResult result;
  result.output = record.output;
  result.metric = record.metric;
  result.format = record.optimized.format;
  result.speedup = record.speedup;
  result.latency_before_ms = record.baseline.latency_ms.median;
  result.latency_after_ms = record.optimized.latency_ms.median;
  result.accuracy_before = record.baseline.accuracy;
  result.accuracy_after = record.optimized.accuracy;
  result.accuracy_drop = record.accuracy_drop_points;
  result.accuracy_drop_error = record.accuracy_drop_standard_error;
  result.macs_before = record.baseline.macs;
  result.macs_after = record.optimized.macs;
  result.bytes_before = record.baseline.bytes;
  result.bytes_after = record.optimized.bytes;
  result.given_up = record.given_up;
  result.warnings = record.warnings;
  result.json = ToJson(record);
  return result;
}

}  // namespace

Expected<OptimizeResult> Optimize(const OptimizeOptions& options) {
  return api::Guarded([&]() -> Expected<OptimizeResult> {
    const Status checked = CheckOptions(options);
    if (!checked.ok()) return api::ToError(checked);
    auto record = deftnn::Optimize(ToInternal(options));
    if (!record.ok()) return api::ToError(record.status());
    return ToPublic(*record);
  });
}

}  // namespace deftnn::v1
