// The names of the activation functions that a product's epilogue can apply; plain enough for the
// per-ISA files. activation.h computes them.
#pragma once

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
  kGelu,      // x * (1 + erf(x / sqrt 2)) / 2
  kGeluTanh,  // x * (1 + tanh(sqrt(2 / pi) * (x + 0.044715 x^3))) / 2
};

struct ActivationSpec {
  Activation kind = Activation::kNone;
  float alpha = 0, beta = 0;
};

}  // namespace deftnn
