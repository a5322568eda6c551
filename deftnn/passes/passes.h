// The driver of the passes, and the canonical graph that they lead to.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "deftnn/passes/pass.h"

namespace deftnn {

struct PassOptions {
  /// Stop when this many patches are applied (-1: never), to find the patch that breaks a network.
  /// The environment variable DEFTNN_STOP_AT_PATCH sets it where the option is -1.
  int64_t stop_at_patch = -1;
};

/// How many patches of a pass were applied.
struct PassCount {
  std::string_view name;
  int64_t patches = 0;
};

/// Every pass, in the order of passes.inc.
std::span<const Pass* const> AllPasses();
/// Null when there is none.
const Pass* FindPass(std::string_view name);

/// Runs the passes one after the other, each until it has no edit left, and all of them again until
/// a whole round changes nothing. The graph is verified before the first patch and after each. The
/// error names the pass and the patch. `counts`, when given, gets one entry a pass.
Result<Graph> RunPasses(Graph graph, std::span<const Pass* const> passes,
                        const PassOptions& options = {}, std::vector<PassCount>* counts = nullptr);

/// All passes: the graph that everything after import reads. Constants are folded, every product
/// with constant weights is a SynapseProduct or a DepthwiseConv, what follows it element by element
/// is folded or fused into it, and nothing is computed that no output needs. Canonical graphs stay
/// as they are.
Result<Graph> Canonicalise(Graph graph, const PassOptions& options = {},
                           std::vector<PassCount>* counts = nullptr);

}  // namespace deftnn
