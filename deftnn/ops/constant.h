// The value that a Constant node holds.
#pragma once

#include "deftnn/base/status.h"
#include "deftnn/graph/attribute.h"

namespace deftnn {

/// From value, value_float(s), value_int(s) or value_string(s); an error when the attributes do not
/// say exactly one.
Result<Tensor> ConstantOf(const Attributes& attributes);

}  // namespace deftnn
