#include "deftnn/runtime/cpu/halo.h"

#include "deftnn/kernels/layout/layout.h"

namespace deftnn {

void ClearHalo(const Operand& operand, const Addresses& addresses) {
  if (operand.form == Form::kPlain || operand.buffer < 0) return;
  ZeroHalo(addresses.view(operand), operand.owns_slack);
}

}  // namespace deftnn
