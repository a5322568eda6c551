// Numbers as a person reads them: three significant digits and a unit. Unknown values give "-".
#pragma once

#include <cstdint>
#include <string>

namespace deftnn {

/// 812, "1.53 k", "20.4 M", "3.87 G"
std::string FormatCount(int64_t count);
/// "512 B", "1.05 MB" (powers of 1000)
std::string FormatBytes(int64_t bytes);
/// "12.3 us", "4.56 ms", "1.20 s"
std::string FormatMilliseconds(double ms);
/// "1 h 02 min", "3 min 05 s", "42 s"
std::string FormatDuration(double seconds);
/// "92.71 %"
std::string FormatPercent(double percent, int digits = 2);
/// "2.78x"
std::string FormatRatio(double ratio);
/// "+0.31", "-0.02", "0.00"
std::string FormatPoints(double points);
/// Three significant digits: "0.0123", "1.5", "117"
std::string FormatNumber(double value);

}  // namespace deftnn
