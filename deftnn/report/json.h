// The JSON of every verb. The names of the keys are a contract: later versions add, and do not
// rename. Unknown and infinite numbers are null; bytes that are no UTF-8 are replaced.
#pragma once

#include <string>

#include "deftnn/report/records.h"

namespace deftnn {

std::string ToJson(const OptimizeRecord& record);
std::string ToJson(const TuneRecord& record);
std::string ToJson(const EvalRecord& record);
std::string ToJson(const BenchRecord& record);
std::string ToJson(const InspectRecord& record);

}  // namespace deftnn
