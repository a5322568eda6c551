// A box of an image's pixels and channels as an image of its own.
#pragma once

#include "deftnn/runtime/operand.h"

namespace deftnn {

struct Box {
  int64_t top = 0, left = 0, channel = 0;  // its first
  int64_t height = 0, width = 0, channels = 0;
};

/// The same elements in place, without halo or slack; `image` has the image form and holds the box.
Operand Within(Operand image, const Box& box);

}  // namespace deftnn
