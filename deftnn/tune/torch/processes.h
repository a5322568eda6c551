// A group of processes over c10d's Gloo: engine.h's ProcessGroup.
#pragma once

#include <memory>

#include "deftnn/tune/engine.h"

namespace deftnn::torch_engine {

/// Meets the other members at the membership's address; waits for them for minutes.
Result<std::unique_ptr<ProcessGroup>> Join(const Membership& membership);

}  // namespace deftnn::torch_engine
