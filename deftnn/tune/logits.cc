#include "deftnn/tune/logits.h"

#include <algorithm>
#include <cmath>

#include "deftnn/data/class_rows.h"

namespace deftnn {
namespace {

constexpr float kLeast = 1e-20f;  // of a probability

}  // namespace

std::vector<ValueId> LossValues(const Graph& graph, bool classes) {
  if (!classes) return graph.outputs();
  const ValueId output = graph.outputs().front();
  const int producer = graph.Producer(output);
  if (producer >= 0 && graph.node(producer).domain.empty() &&
      graph.node(producer).op == "Softmax") {
    return {graph.node(producer).inputs[0]};
  }
  return {output};
}

bool LooksLikeProbabilities(const Tensor& output) {
  constexpr double kTolerance = 1e-3;
  const auto rows = ClassRowsOf(output.shape());
  if (!rows.ok()) return false;
  const float* values = output.values<float>().data();
  for (int64_t n = 0; n < rows->samples; ++n) {
    for (int64_t p = 0; p < rows->positions; ++p) {
      const float* row = values + n * rows->positions * rows->classes + p * rows->position_stride;
      double sum = 0;
      for (int64_t c = 0; c < rows->classes; ++c) {
        const float value = row[c * rows->class_stride];
        if (value < 0) return false;
        sum += value;
      }
      if (!(std::abs(sum - 1) < kTolerance)) return false;
    }
  }
  return true;
}

Tensor LogOf(const Tensor& probabilities) {
  Tensor logs = probabilities;
  for (float& value : logs.mutable_values<float>()) value = std::log(std::max(value, kLeast));
  return logs;
}

void GradientThroughLog(const Tensor& probabilities, Tensor& gradient) {
  const auto p = probabilities.values<float>();
  auto g = gradient.mutable_values<float>();
  for (size_t i = 0; i < g.size(); ++i) g[i] /= std::max(p[i], kLeast);
}

}  // namespace deftnn
