// A refit that looks at what leaves the activation: where a clamp hides the original's sum, the
// reduced layer's need not equal it.
#pragma once

#include <functional>
#include <span>
#include <vector>

#include "deftnn/sve/eliminate.h"

namespace deftnn {

/// The samples that a layer's statistics were taken from.
struct LayerRows {
  int64_t count = 0;
  std::vector<float> x;        // [count x K]
  std::vector<float> targets;  // [count x O]: y of LayerStatistics
  std::vector<float> added;    // [count x O]: to the products, in the reduced network; or empty
};

struct ActivationRefitOptions {
  float low = 0, high = 0;  // what the activation clamps to; either may be infinite
  int iterations = 8;
  double least_gain = 1e-3;  // of what is minimised, for another iteration
  /// Adds up over all processes; null: this one has all samples.
  std::function<Status(std::span<double>)> sum;
};

/// Weights and bias of `cut`, an elimination by `eliminator` from the statistics of `rows`, so that
///   E |d(t, W' x_S + r + b')|^2 + lambda |W' - W_S|^2,   t = y + r + b, r what is added,
/// is least. d is the distance of the two sums; where the activation clamps t, only how far the
/// other lies on the wrong side of the bound. This is convex, and never less than the error behind
/// the activation. By majorisation: a sum that is clamped on the right side is its own target, any
/// other aims at t; each round is a least-squares refit, and none makes it worse. After Zhang, Zou,
/// He and Sun, "Accelerating Very Deep Convolutional Networks for Classification and Detection"
/// (2016), section 3.2, which relaxes the error behind the activation itself.
/// relative_error becomes that error by the variance of what the original has there.
Result<Elimination> RefitThroughActivation(const Eliminator& eliminator, Elimination cut,
                                           const LayerRows& rows,
                                           const ActivationRefitOptions& options,
                                           ThreadPool* pool = nullptr);

}  // namespace deftnn
