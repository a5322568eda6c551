// The machine as the reports name it.
#pragma once

#include "deftnn/kernels/peak/peak.h"
#include "deftnn/report/records.h"

namespace deftnn {

DeviceRecord DeviceOf(const MachinePeaks& peaks);

}  // namespace deftnn
