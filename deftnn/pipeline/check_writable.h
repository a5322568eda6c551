// Output files are opened at the end of the work: what stands in their way is said at its start.
#pragma once

#include <string>

#include "deftnn/base/status.h"

namespace deftnn {

/// Can a file of this name be written? "" is fine: no file is asked for.
Status CheckWritable(const std::string& path);

}  // namespace deftnn
