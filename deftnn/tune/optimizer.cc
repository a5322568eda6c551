#include "deftnn/tune/optimizer.h"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace deftnn {
namespace {

constexpr double kEpsilon = 1e-8;  // Adam's

}  // namespace

Result<Descent> ParseDescent(const std::string& name) {
  if (name == "adam") return Descent::kAdam;
  if (name == "sgd") return Descent::kSgd;
  return Error("unknown optimizer '{}'", name).WithHint("adam or sgd");
}

void TakeStep(const StepOptions& options, int64_t step, double learning_rate, bool decays,
              std::span<float> values, std::span<const float> gradients, Moments& moments) {
  const float rate = static_cast<float>(learning_rate);
  const float keep = static_cast<float>(1 - (decays ? learning_rate * options.decay : 0.0));
  const float momentum = static_cast<float>(options.momentum);
  float* first = moments.first.data();
  if (options.descent == Descent::kSgd) {
    for (size_t i = 0; i < values.size(); ++i) {
      first[i] = momentum * first[i] + gradients[i];
      values[i] = keep * values[i] - rate * (gradients[i] + momentum * first[i]);
    }
    return;
  }
  const float second_keep = static_cast<float>(options.second);
  const float first_scale =
      static_cast<float>(1 / (1 - std::pow(options.momentum, static_cast<double>(step))));
  const float second_scale =
      static_cast<float>(1 / (1 - std::pow(options.second, static_cast<double>(step))));
  float* second = moments.second.data();
  for (size_t i = 0; i < values.size(); ++i) {
    const float g = gradients[i];
    first[i] = momentum * first[i] + (1 - momentum) * g;
    second[i] = second_keep * second[i] + (1 - second_keep) * g * g;
    const float size = std::sqrt(second[i] * second_scale) + static_cast<float>(kEpsilon);
    values[i] = keep * values[i] - rate * first[i] * first_scale / size;
  }
}

double ScheduleAt(int64_t step, int64_t steps, double warm_up) {
  const double rising = std::floor(warm_up * static_cast<double>(steps));
  const double at = static_cast<double>(step);
  if (at < rising) return (at + 1) / (rising + 1);
  const double falling = std::max(1.0, static_cast<double>(steps) - rising);
  return 0.5 * (1 + std::cos(std::numbers::pi * (at - rising) / falling));
}

}  // namespace deftnn
