// The calibration data in parts, each for a purpose of its own.
#pragma once

#include <optional>

#include "deftnn/data/dataset.h"
#include "deftnn/pipeline/options.h"

namespace deftnn {

/// Samples that error curves are measured on, at most.
inline constexpr int64_t kCurveSamples = 256;
/// Fewer than these to choose on make the choice uncertain.
inline constexpr int64_t kFewSelection = 100;

/// For statistics, for error curves, for choosing, for reporting. No sample is in two where there
/// are enough: errors on the samples that weights were fitted to would look too small.
struct Splits {
  Dataset statistics, curves, selection, report;
  Dataset trial;  // the first of the selection: what a few whole candidates are compared on
};

/// Whether multiply-adds and the format are given, so that accuracy chooses nothing.
bool GivesAll(const OptimizeOptions& options);

/// `evaluation`, where there is one, is the report. Each part is a multiple of `batch`. Errors: too
/// few samples.
Result<Splits> Split(const Dataset& calibration, const std::optional<Dataset>& evaluation,
                     int64_t batch, const OptimizeOptions& options);

/// The calibration data that fine-tuning may learn: what is chosen on, and reported on where
/// `report_too`, is judged unseen.
Dataset WithoutJudges(const Dataset& calibration, const Splits& splits, bool report_too);

}  // namespace deftnn
