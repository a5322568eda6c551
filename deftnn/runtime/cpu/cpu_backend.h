// The CPU: steps are calls into kernels/, chosen for one ISA.
#pragma once

#include "deftnn/runtime/backend.h"

namespace deftnn {

class CpuBackend : public Backend {
 public:
  /// `costs`: nothing for those of this CPU.
  CpuBackend(Isa isa, int threads, std::shared_ptr<const PackedWeights> packed,
             const std::optional<TrafficCosts>& costs = std::nullopt);

  std::string name() const override { return "cpu"; }
  TrafficCosts traffic_costs() const override { return costs_; }
  std::shared_ptr<std::byte> Allocate(size_t bytes) const override;
  void Upload(std::byte* to, const void* host, size_t bytes) const override;
  void Download(void* host, const std::byte* from, size_t bytes) const override;
  Result<std::unique_ptr<Step>> Prepare(const StepSpec& spec) const override;

  Isa isa() const { return isa_; }
  int threads() const { return threads_; }

 private:
  const Isa isa_;
  const int threads_;
  const std::shared_ptr<const PackedWeights> packed_;
  const TrafficCosts costs_;
  mutable MemoryPool pool_;  // guards itself
};

}  // namespace deftnn
