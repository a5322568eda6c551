// The report of `optimize` as one HTML file without outside references: it reads the same offline,
// in ten years, in light and dark, on a phone and on paper.
#pragma once

#include <string>

#include "deftnn/report/records.h"

namespace deftnn {

/// Every text of the record is escaped. Sections without data are left out.
std::string ToHtml(const OptimizeRecord& record);

}  // namespace deftnn
