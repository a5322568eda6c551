// The activation functions that a product's epilogue can apply, in their plain form.
#pragma once

#include <algorithm>
#include <cmath>

namespace deftnn {

enum class Activation {
  kNone,
  kRelu,         // max(x, 0)
  kClip,         // min(max(x, alpha), beta)
  kLeakyRelu,    // x < 0 ? alpha * x : x
  kSigmoid,      // 1 / (1 + exp(-x))
  kHardSigmoid,  // min(max(alpha * x + beta, 0), 1)
  kHardSwish,    // x * min(max(x / 6 + 1 / 2, 0), 1)
  kTanh,
};

struct ActivationSpec {
  Activation kind = Activation::kNone;
  float alpha = 0, beta = 0;
};

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
