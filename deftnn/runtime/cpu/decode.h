// Reads an operand back as the row-major float32 tensor that it stands for.
#pragma once

#include "deftnn/runtime/operand.h"

namespace deftnn {

/// Element by element, in any form and format; for observers and plain steps, not for speed.
Tensor Decode(const Operand& operand, const Addresses& addresses);

}  // namespace deftnn
