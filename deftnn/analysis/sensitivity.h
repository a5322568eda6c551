// Error curves: how much a layer (or a network) loses at each kept fraction.
#pragma once

#include <vector>

namespace deftnn {

struct ErrorCurve {
  std::vector<double> fractions;  // kept, in any order
  std::vector<double> errors;     // same length
};

/// Sorted by fraction, and errors made non-increasing in it by isotonic regression (pool adjacent
/// violators: the nearest such curve in least squares). Equal fractions are averaged.
ErrorCurve MakeMonotone(const ErrorCurve& curve);

/// Linear between the points of a curve sorted by fraction, constant beyond its ends.
double Interpolate(const ErrorCurve& curve, double fraction);

}  // namespace deftnn
