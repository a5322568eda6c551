// What a pass is: a function that looks at a graph and proposes one edit.
#pragma once

#include <functional>
#include <optional>
#include <string_view>
#include <vector>

#include "deftnn/base/status.h"
#include "deftnn/graph/graph.h"
#include "deftnn/graph/patch.h"
#include "deftnn/ops/op.h"

namespace deftnn {

/// One graph, with who makes and who reads each value; the driver makes one for every patch.
class PassContext {
 public:
  explicit PassContext(const Graph& graph);

  const Graph& graph() const { return graph_; }
  /// The index of the node that makes `id`, or -1.
  int producer(ValueId id) const { return id == kNoValue ? -1 : producers_[id]; }
  /// How many node inputs and graph outputs read `id`.
  int uses(ValueId id) const { return uses_[id]; }
  /// The index of the only node that reads `id`, once, when no graph output does; or -1.
  int only_reader(ValueId id) const {
    return uses_[id] == 1 && !graph_.IsOutput(id) ? readers_[id] : -1;
  }

  /// Type and shape of every value at a batch of 3 (or of 1, where the network takes no other), by
  /// ValueId; null when a dimension other than the batch is open, or inference fails.
  const std::vector<ValueInfo>* shapes();

  /// Whether something is known to hold of every value's shape whatever the batch.
  bool AtEveryBatch(const std::function<bool(const std::vector<ValueInfo>&)>& holds);
  bool SameShape(ValueId a, ValueId b);

 private:
  const Graph& graph_;
  std::vector<int> producers_, readers_, uses_;
  std::optional<std::vector<ValueInfo>> shapes_, other_batch_;
  bool inferred_ = false, inferred_other_ = false;
};

/// Whether the only dimensions left open are the inputs' first.
bool OnlyBatchIsOpen(const Graph& graph);

struct Pass {
  std::string_view name;
  std::string_view summary;
  /// The next edit, or nothing when there is none left. Each edit must bring the graph closer to
  /// that: the driver asks again after applying it.
  Result<std::optional<Patch>> (*next)(const Graph&, PassContext&);
};

}  // namespace deftnn
