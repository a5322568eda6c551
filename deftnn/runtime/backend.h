// What a plan asks of a device: memory, prepared steps, launches and measured times.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "deftnn/base/activation.h"
#include "deftnn/base/cpu.h"
#include "deftnn/base/status.h"
#include "deftnn/base/threads.h"
#include "deftnn/graph/graph.h"
#include "deftnn/runtime/operand.h"
#include "deftnn/runtime/sections.h"

namespace deftnn {

enum class StepKind {
  kProduct,
  kDepthwise,
  kPool,
  kActivation,
  kBinary,
  kBroadcast,
  kSoftmax,
  kReduce,
  kGather,
  kSlice,
  kPad,
  kConvert,
  kPlain
};

/// One launch, before a backend has prepared it: a node and where its values lie.
struct StepSpec {
  StepKind kind = StepKind::kPlain;
  Node node;                    // for kConvert: named after the value that is converted
  std::vector<Operand> inputs;  // a missing optional input does not exist()
  std::vector<Operand> outputs;
  std::optional<ActivationSpec> activation;  // for kActivation
};

/// What a step costs by the algebra, for the roofline.
struct StepCost {
  double flops = 0;         // two a multiply-add that is carried out
  double weight_bytes = 0;  // read once a run
  double tensor_bytes = 0;  // inputs read and outputs written
};

/// A step that is ready to be launched any number of times, from several threads at once.
class Step {
 public:
  virtual ~Step() = default;
  [[nodiscard]] virtual Status Launch(const Addresses& addresses, ThreadPool& threads) const = 0;
  virtual std::string kernel() const = 0;
  virtual StepCost cost() const { return {}; }
};

/// Weights that a .deft file holds ready to run, by "<isa>/<node>/<part>".
using PackedWeights = std::map<std::string, Tensor>;

class Backend {
 public:
  virtual ~Backend() = default;
  virtual std::string name() const = 0;
  /// What the parts of a batch are cut for.
  virtual TrafficCosts traffic_costs() const = 0;
  /// Zeroed device memory, aligned to kAlignment.
  virtual std::shared_ptr<std::byte> Allocate(size_t bytes) const = 0;
  virtual void Upload(std::byte* to, const void* host, size_t bytes) const = 0;
  virtual void Download(void* host, const std::byte* from, size_t bytes) const = 0;
  /// Packs weights and picks a kernel. Errors are the node's.
  virtual Result<std::unique_ptr<Step>> Prepare(const StepSpec& spec) const = 0;
};

}  // namespace deftnn
