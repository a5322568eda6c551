#include "deftnn/runtime/cpu/steps.h"
namespace deftnn {
Result<std::unique_ptr<Step>> PrepareDepthwise(const StepSpec&, const CpuPrepareContext&) {
  return Error("pending");
}
Result<std::unique_ptr<Step>> PreparePool(const StepSpec&, const CpuPrepareContext&) {
  return Error("pending");
}
Result<std::unique_ptr<Step>> PrepareActivation(const StepSpec&, const CpuPrepareContext&) {
  return Error("pending");
}
Result<std::unique_ptr<Step>> PrepareBinary(const StepSpec&, const CpuPrepareContext&) {
  return Error("pending");
}
Result<std::unique_ptr<Step>> PrepareSoftmax(const StepSpec&, const CpuPrepareContext&) {
  return Error("pending");
}
}  // namespace deftnn
