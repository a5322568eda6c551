// A network made ready to run for one set of input shapes: layouts, steps and memory, decided once.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "deftnn/graph/graph.h"
#include "deftnn/ops/op.h"
#include "deftnn/runtime/backend.h"
#include "deftnn/runtime/sections.h"

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
  int64_t batch = 1;              // samples that a run takes
  std::vector<Section> sections;  // all of the steps, in order
  int64_t arena_bytes = 0;

  /// Some steps run over less than the batch at a time.
  bool in_parts() const;
};

/// Plans a canonical graph (passes/) for inputs of these types and shapes. `whole`: each step runs
/// once, over the whole batch, so that an observer finds all of its input. Errors name the node.
Result<Plan> MakePlan(const Graph& graph, const std::vector<ValueInfo>& inputs,
                      const Backend& backend, bool whole = false);

}  // namespace deftnn
