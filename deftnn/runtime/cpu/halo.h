// Clears what lies around a tensor before a step writes it: readers take it for their padding.
#pragma once

#include "deftnn/runtime/operand.h"

namespace deftnn {

/// The halo, and the slack behind the allocation where the operand is all of it. Rows forms have no
/// halo; the caller's own memory has no slack.
void ClearHalo(const Operand& operand, const Addresses& addresses);

}  // namespace deftnn
