#include "deftnn/pipeline/splits.h"

#include <algorithm>
#include <tuple>

namespace deftnn {
namespace {

constexpr int64_t kMostSelection = 8192, kMostTrial = 2048;
// Of fewer samples than these, more go into statistics where accuracy is not what is searched for.
constexpr int64_t kFewSamples = 1024;
constexpr double kShare = 0.5, kShareOfFew = 0.8;

}  // namespace

bool GivesAll(const OptimizeOptions& options) {
  return options.reduce_macs && options.format != "auto";
}

Result<Splits> Split(const Dataset& calibration, const std::optional<Dataset>& evaluation,
                     int64_t batch, const OptimizeOptions& options) {
  const Dataset shuffled = calibration.Shuffled(options.common.seed);
  const double share = options.reduce_macs && shuffled.size() < kFewSamples ? kShareOfFew : kShare;
  const auto most = static_cast<int64_t>(share * static_cast<double>(shuffled.size()));
  const int64_t wanted = std::min(options.calibration_samples, std::max<int64_t>(1, most));
  auto [statistics, rest] = shuffled.Split(wanted);
  if (rest.size() == 0)
    return Error("calibration needs at least two samples").WithFile(options.calibration);
  Splits splits{statistics, statistics, rest, rest};
  if (rest.size() >= 4 * kCurveSamples) std::tie(splits.curves, rest) = rest.Split(kCurveSamples);
  splits.selection = rest;
  if (evaluation) {
    splits.report = *evaluation;
  } else {
    if (rest.size() < 2)
      return Error("too few samples to choose and to report on")
          .WithFile(options.calibration)
          .WithHint("more data, or --eval");
    std::tie(splits.selection, splits.report) = rest.Split(rest.size() / 2);
  }
  if (splits.selection.size() > kMostSelection)
    splits.selection = splits.selection.Slice(0, kMostSelection);
  splits.trial = splits.selection.Slice(0, std::min(splits.selection.size(), kMostTrial));
  for (Dataset* part :
       {&splits.statistics, &splits.curves, &splits.selection, &splits.report, &splits.trial}) {
    if (part->size() < batch) {
      return Error("{} samples are too few for batches of {}, which the network is fixed to",
                   calibration.size(), batch)
          .WithFile(options.calibration);
    }
    *part = part->Slice(0, part->size() / batch * batch);
  }
  return splits;
}

Dataset WithoutJudges(const Dataset& calibration, const Splits& splits, bool report_too) {
  std::vector<bool> taken(static_cast<size_t>(calibration.size()), false);
  for (const int64_t i : splits.selection.indices()) taken[i] = true;
  if (report_too)
    for (const int64_t i : splits.report.indices()) taken[i] = true;
  std::vector<int64_t> left;
  for (int64_t i = 0; i < calibration.size(); ++i)
    if (!taken[i]) left.push_back(i);
  return calibration.Subset(left);
}

}  // namespace deftnn
