#include "deftnn/sve/compensations/compensation.h"

namespace deftnn {

#define DEFTNN_COMPENSATION(object) extern const Compensation object;
#include "deftnn/sve/compensations/compensations.inc"
#undef DEFTNN_COMPENSATION

std::span<const Compensation> Compensations() {
  static const std::vector<Compensation> all = {
#define DEFTNN_COMPENSATION(object) object,
#include "deftnn/sve/compensations/compensations.inc"
#undef DEFTNN_COMPENSATION
  };
  return all;
}

Result<const Compensation*> FindCompensation(std::string_view name) {
  std::string known;
  for (const Compensation& compensation : Compensations()) {
    if (compensation.name == name) return &compensation;
    known += (known.empty() ? "" : ", ") + std::string(compensation.name);
  }
  return Error("no compensation is called '{}'", name).WithHint("one of " + known);
}

}  // namespace deftnn
