// Whether a smaller product is worth anything: it must be faster on this machine.
#pragma once

#include <functional>
#include <span>
#include <string>

namespace deftnn {

/// What a smaller product must save of its time to be worth anything: less is noise.
inline constexpr double kLeastGain = 0.02;

/// Milliseconds of a layer with all its outputs and a fraction of its K.
using CostOfFraction = std::function<double(double k)>;
/// Why none of these fractions (below 1; others are ignored) makes a layer faster: one line for the
/// report. Empty where one does, and where there is none.
std::string WhyNotFaster(const CostOfFraction& cost, std::span<const double> fractions);

}  // namespace deftnn
