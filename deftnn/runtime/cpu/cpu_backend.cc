#include "deftnn/runtime/cpu/cpu_backend.h"

#include <algorithm>
#include <cstring>

#include "deftnn/base/tensor.h"
#include "deftnn/runtime/cpu/steps.h"

namespace deftnn {
namespace {

// Half of L3 for other programs and for what lies there by chance.
// A virtual machine shows the host's whole last cache, which others use too: this much is ours.
constexpr int64_t kFarBytes = 16 << 20, kFarBytesOfThread = 4 << 20;

TrafficCosts CostsOf(Isa isa, int threads) {
  TrafficCosts costs;
  costs.near_bytes = threads * CacheBytes(2);
  costs.far_bytes =
      std::min<int64_t>(CacheBytes(3) / 2, std::max(kFarBytes, threads * kFarBytesOfThread));
  if (isa == Isa::kAmxBf16) {  // measured on two cores of an Intel Xeon (Emerald Rapids)
    costs.far_ns = 1.0 / 50;
    costs.memory_ns = 1.0 / 35;
  }
  return costs;
}

}  // namespace

CpuBackend::CpuBackend(Isa isa, int threads, std::shared_ptr<const PackedWeights> packed,
                       const std::optional<TrafficCosts>& costs)
    : isa_(isa),
      threads_(threads),
      packed_(std::move(packed)),
      costs_(costs ? *costs : CostsOf(isa, threads)) {}

std::shared_ptr<std::byte> CpuBackend::Allocate(size_t bytes) const {
  return AllocateAligned(bytes);
}

void CpuBackend::Upload(std::byte* to, const void* host, size_t bytes) const {
  std::memcpy(to, host, bytes);
}

void CpuBackend::Download(void* host, const std::byte* from, size_t bytes) const {
  std::memcpy(host, from, bytes);
}

Result<std::unique_ptr<Step>> CpuBackend::Prepare(const StepSpec& spec) const {
  const CpuPrepareContext context{isa_, threads_, packed_.get(), &pool_};
  switch (spec.kind) {
    case StepKind::kProduct:
      return PrepareProduct(spec, context);
    case StepKind::kDepthwise:
      return PrepareDepthwise(spec, context);
    case StepKind::kPool:
      return PreparePool(spec, context);
    case StepKind::kActivation:
      return PrepareActivation(spec, context);
    case StepKind::kBinary:
      return PrepareBinary(spec, context);
    case StepKind::kBroadcast:
      return PrepareBroadcast(spec, context);
    case StepKind::kSoftmax:
      return PrepareSoftmax(spec, context);
    case StepKind::kReduce:
      return PrepareReduce(spec, context);
    case StepKind::kGather:
      return PrepareGather(spec, context);
    case StepKind::kSlice:
      return PrepareSlice(spec, context);
    case StepKind::kPad:
      return PreparePad(spec, context);
    case StepKind::kConvert:
      return PrepareConvert(spec, context);
    case StepKind::kPlain:
      return PreparePlain(spec, context);
  }
  return Error("no such kind of step");
}

}  // namespace deftnn
