// How a step changes the weights: Adam or momentum, the learning rate over time, decay.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "deftnn/base/status.h"

namespace deftnn {

enum class Descent {
  kAdam,  // Kingma and Ba 2015, with decay apart from the gradient (Loshchilov and Hutter 2019)
  kSgd,   // with Nesterov's momentum
};
/// "adam" or "sgd".
Result<Descent> ParseDescent(const std::string& name);

struct StepOptions {
  Descent descent = Descent::kAdam;
  double momentum = 0.9;  // of sgd; Adam's first moment
  double second = 0.999;  // Adam's second moment
  double decay = 0;       // of weights, a step: learning rate * decay * weight
};

/// What an optimiser remembers of one constant.
struct Moments {
  std::vector<float> first, second;  // sgd needs no second
};

/// Moves `values` against `gradients`; `step` counts from 1.
void TakeStep(const StepOptions& options, int64_t step, double learning_rate, bool decays,
              std::span<float> values, std::span<const float> gradients, Moments& moments);

/// The share of the learning rate at `step` (from 0) of `steps`: up in a line over the first
/// `warm_up` of them, then down half a cosine to zero.
double ScheduleAt(int64_t step, int64_t steps, double warm_up);

}  // namespace deftnn
