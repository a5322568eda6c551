#include "deftnn/tune/replicas.h"

#include <atomic>
#include <thread>

namespace deftnn {
namespace {

// Every thread of the pool once, and none goes on before all have: what LibTorch sets up in a
// thread's first call touches what the others use.
void PrepareThreads(const TuneEngine& engine, ThreadPool& pool) {
  std::atomic<int> arrived{0};
  pool.Run([&](int) {
    engine.prepare_thread();
    arrived.fetch_add(1);
    while (arrived.load() < pool.size()) std::this_thread::yield();
  });
}

}  // namespace

Result<Replicas> Replicas::Create(const TuneEngine& engine, const Graph& graph,
                                  const std::vector<ValueId>& outputs, int count, int threads) {
  Replicas replicas;
  for (int i = 0; i < count; ++i) {
    DEFTNN_ASSIGN_OR_RETURN(auto network, engine.rebuild(graph, outputs, count > 1 ? 1 : threads));
    replicas.networks_.push_back(std::move(network));
  }
  if (count > 1) {
    replicas.pool_ = std::make_unique<ThreadPool>(count);
    PrepareThreads(engine, *replicas.pool_);
  }
  return replicas;
}

void Replicas::Set(size_t constant, std::span<const float> values) {
  for (const auto& network : networks_) network->Set(constant, values);
}

Result<double> Replicas::Run(FunctionRef<Result<double>(int index)> work) {
  if (pool_ == nullptr) return work(0);
  std::vector<Result<double>> results(networks_.size(), 0.0);
  pool_->Run([&](int share) { results[share] = work(share); });
  double sum = 0;
  for (const Result<double>& result : results) {
    if (!result.ok()) return result;
    sum += *result;
  }
  return sum;
}

}  // namespace deftnn
