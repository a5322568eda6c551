// cut_unused: nodes whose outputs nobody reads go.
#include <algorithm>

#include "deftnn/passes/pass.h"

namespace deftnn {
namespace {

Result<std::optional<Patch>> Next(const Graph& graph, PassContext& context) {
  for (int i = static_cast<int>(graph.nodes().size()) - 1; i >= 0; --i) {
    const auto& outputs = graph.node(i).outputs;
    const bool read = std::any_of(outputs.begin(), outputs.end(), [&](ValueId id) {
      return id != kNoValue && context.uses(id) > 0;
    });
    if (read) continue;
    Patch patch(graph);
    patch.RemoveNode(i);
    return std::optional<Patch>(std::move(patch));
  }
  return std::optional<Patch>();
}

}  // namespace

extern const Pass kCutUnusedPass;
constinit const Pass kCutUnusedPass = {"cut_unused", "drops nodes whose outputs nobody reads",
                                       &Next};

}  // namespace deftnn
