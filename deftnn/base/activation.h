// The activation functions that a product's epilogue can apply, in their plain form.
#pragma once

#include <algorithm>
#include <cmath>

#include "deftnn/base/activation_kind.h"

namespace deftnn {

/// x times the probability that a normal variable is below x (Hendrycks and Gimpel 2016), or their
/// approximation of it by tanh.
inline double Gelu(double x, bool by_tanh) {
  constexpr double kSqrtHalf = 0.70710678118654752, kSqrtTwoByPi = 0.79788456080286536;
  const double twice =
      by_tanh ? std::tanh(kSqrtTwoByPi * (x + 0.044715 * x * x * x)) : std::erf(kSqrtHalf * x);
  return 0.5 * x * (1 + twice);
}

inline float Activate(const ActivationSpec& spec, float x) {
  switch (spec.kind) {
    case Activation::kNone:
      return x;
    case Activation::kRelu:
      return x < 0 ? 0.0f : x;  // NaN stays NaN
    case Activation::kClip:
      return x < spec.alpha ? spec.alpha : x > spec.beta ? spec.beta : x;
    case Activation::kLeakyRelu:
      return x < 0 ? spec.alpha * x : x;
    case Activation::kSigmoid:
      return 1.0f / (1.0f + std::exp(-x));
    case Activation::kHardSigmoid:
      return std::min(std::max(spec.alpha * x + spec.beta, 0.0f), 1.0f);
    case Activation::kHardSwish:
      return x * std::min(std::max(x / 6.0f + 0.5f, 0.0f), 1.0f);
    case Activation::kTanh:
      return std::tanh(x);
    case Activation::kGelu:
      return static_cast<float>(Gelu(x, false));
    case Activation::kGeluTanh:
      return static_cast<float>(Gelu(x, true));
  }
  return x;
}

}  // namespace deftnn
