// The CPU: steps are calls into kernels/, chosen for one ISA.
#pragma once

#include "deftnn/runtime/backend.h"

namespace deftnn {

class CpuBackend : public Backend {
 public:
  CpuBackend(Isa isa, int threads, std::shared_ptr<const PackedWeights> packed)
      : isa_(isa), threads_(threads), packed_(std::move(packed)) {}

  std::string name() const override { return "cpu"; }
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
  mutable MemoryPool pool_;  // guards itself
};

}  // namespace deftnn
