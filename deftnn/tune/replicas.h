// Copies of a network, each on a thread of its own, that share out the samples of a step. LibTorch
// spreads one operator over threads, which meet again after each; here they meet once a step.
#pragma once

#include <memory>
#include <vector>

#include "deftnn/base/threads.h"
#include "deftnn/tune/engine.h"

namespace deftnn {

class Replicas {
 public:
  /// `count` copies that compute on one thread each; a single one computes on `threads`.
  static Result<Replicas> Create(const TuneEngine& engine, const Graph& graph,
                                 const std::vector<ValueId>& outputs, int count, int threads);

  int size() const { return static_cast<int>(networks_.size()); }
  TrainableNetwork& at(int index) { return *networks_.at(index); }

  /// Sets a constant in all copies.
  void Set(size_t constant, std::span<const float> values);
  /// Calls work(index) for every copy, each on its own thread, and returns the sum in the order of
  /// the copies; else the first error in that order.
  Result<double> Run(FunctionRef<Result<double>(int index)> work);

 private:
  std::vector<std::unique_ptr<TrainableNetwork>> networks_;
  std::unique_ptr<ThreadPool> pool_;  // as large as there are copies; null for one
};

}  // namespace deftnn
