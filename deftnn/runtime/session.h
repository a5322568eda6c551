// A network that runs: plans by input shape, memory, threads.
#pragma once

#include <list>
#include <memory>
#include <mutex>
#include <optional>
#include <vector>

#include "deftnn/ndf/apply_format.h"
#include "deftnn/runtime/observer.h"
#include "deftnn/runtime/plan.h"

namespace deftnn {

struct SessionOptions {
  int threads = 0;         // 0: one a core
  std::optional<Isa> isa;  // nothing: the best one, or what DEFTNN_ISA names
  std::shared_ptr<const PackedWeights>
      packed;  // weights that a .deft file holds ready; may be null
  std::optional<TrafficCosts> costs =
      std::nullopt;  // that parts of a batch are cut for; nothing: this CPU's
};

/// Time and work of one step.
struct StepProfile {
  std::string node, op, kernel;
  double median_ms = 0;
  StepCost cost;
};

class Session {
 public:
  /// `graph` is canonical (passes/). Weights are packed when the first plan is made.
  static Result<std::unique_ptr<Session>> Create(Graph graph, const SessionOptions& options = {});
  /// Of that graph with its weights in `format`.
  static Result<std::unique_ptr<Session>> Create(const Graph& graph, const FormatChoice& format,
                                                 const SessionOptions& options);

  const Graph& graph() const { return graph_; }
  int threads() const { return threads_.size(); }
  Isa isa() const { return isa_; }

  /// One tensor an input, in the graph's order and of its types; the outputs in the graph's order.
  /// Safe from several threads at once. A new set of shapes is planned first. Errors: count, type,
  /// shape.
  Result<std::vector<Tensor>> Run(const std::vector<Tensor>& inputs);
  /// The same, stepwise under an observer; the outputs are empty when the observer ended the run.
  Result<std::vector<Tensor>> Run(const std::vector<Tensor>& inputs, Observer& observer);
  /// Runs `iterations` times and returns each step's median time.
  Result<std::vector<StepProfile>> Profile(const std::vector<Tensor>& inputs, int iterations);

  /// The plan for these shapes, made when it is new.
  Result<std::shared_ptr<const Plan>> PlanFor(const std::vector<ValueInfo>& inputs);

 private:
  struct Context;  // an arena and its addresses: what one run at a time owns
  struct Prepared {
    std::shared_ptr<const Plan> plan;
    bool whole = false;  // every step takes the whole batch at once
    std::vector<std::unique_ptr<Context>> idle;
  };
  class Lease;

  Session(Graph graph, std::unique_ptr<Backend> backend, Isa isa, int threads);
  Result<std::shared_ptr<Prepared>> Prepare(const std::vector<ValueInfo>& inputs, bool whole);
  Result<std::vector<ValueInfo>> CheckInputs(const std::vector<Tensor>& inputs) const;
  template <typename Body>
  Result<std::vector<Tensor>> RunWith(const std::vector<Tensor>& inputs, bool whole, Body body);

  const Graph graph_;
  const std::unique_ptr<Backend> backend_;
  const Isa isa_;
  ThreadPool threads_;
  std::mutex mutex_;
  std::list<std::shared_ptr<Prepared>> plans_;  // most recently used first
};

}  // namespace deftnn
