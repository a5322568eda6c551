// Measuring on a machine whose speed changes while one measures: other programs, or other virtual
// machines on the same core, slow it down for milliseconds or minutes at a time.
#pragma once

#include <functional>
#include <span>
#include <vector>

namespace deftnn {

/// One short measurement, which can be repeated: milliseconds, the least of a few runs.
using Measurement = std::function<double()>;

/// The measurements' times, comparable with each other. They are taken in turns, each with `gauge`,
/// one and the same work, right before and after it. The gauge tells whether the machine was calm:
/// then it takes no more than a fifth longer than the least that it ever took, which is kept in
/// `calm_gauge` (0 before the first call) from call to call. What was not measured in a calm moment
/// is measured again, up to 25 times in all; what never was is reckoned from the median of its
/// times by the gauge's.
std::vector<double> MeasureCalmly(std::span<const Measurement> measurements,
                                  const Measurement& gauge, double& calm_gauge);

}  // namespace deftnn
