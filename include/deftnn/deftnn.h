// All of DeftNN's C++ API. Including this file makes its names usable as deftnn::Model and so on;
// the other headers leave them in deftnn::v1.
#pragma once

#include "deftnn/expected.h"
#include "deftnn/model.h"
#include "deftnn/optimize.h"
#include "deftnn/session.h"
#include "deftnn/tensor.h"

namespace deftnn {
using namespace v1;  // NOLINT
}  // namespace deftnn
