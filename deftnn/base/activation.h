// The activation functions that a product's epilogue can apply, in their plain form.
#pragma once

#include <algorithm>
#include <cmath>

#include "deftnn/base/activation_kind.h"

namespace deftnn {

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
  }
  return x;
}

}  // namespace deftnn
