// A network made ready to run for one set of input shapes: layouts, steps and memory, decided once.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "deftnn/graph/graph.h"
#include "deftnn/ops/op.h"
#include "deftnn/runtime/backend.h"

namespace deftnn {

struct PlannedStep {
  std::string node, op;         // of the graph node that it carries out
  std::vector<Operand> inputs;  // where an observer finds what the node reads
  std::unique_ptr<Step> step;
};

struct Plan {
  std::vector<ValueInfo> inputs;   // the shapes that it was made for
  std::vector<ValueInfo> outputs;  // type and shape of each
  std::vector<PlannedStep> steps;
  int64_t arena_bytes = 0;
};

/// Plans a canonical graph (passes/) for inputs of these types and shapes. Errors name the node.
Result<Plan> MakePlan(const Graph& graph, const std::vector<ValueInfo>& inputs,
                      const Backend& backend);

}  // namespace deftnn
