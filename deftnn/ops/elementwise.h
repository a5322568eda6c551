// Which operators compute each element of the output from one of each input, broadcast.
#pragma once

#include <algorithm>
#include <array>
#include <string_view>

#include "deftnn/graph/graph.h"

namespace deftnn {

/// Functions of single elements, with one output; Identity and Dropout, which pass them on, are not
/// among them.
inline bool IsElementwise(const Node& node) {
  constexpr std::array<std::string_view, 25> kNames = {
      "Abs",         "Add",       "Cast",      "Clip", "Div", "Equal", "Erf", "Exp",   "Gelu",
      "HardSigmoid", "HardSwish", "LeakyRelu", "Max",  "Min", "Mul",   "Neg", "PRelu", "Pow",
      "Reciprocal",  "Relu",      "Sigmoid",   "Sqrt", "Sub", "Sum",   "Tanh"};
  return node.domain.empty() && std::find(kNames.begin(), kNames.end(), node.op) != kNames.end();
}

}  // namespace deftnn
