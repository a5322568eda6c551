#include "deftnn/pipeline/gain.h"

#include <fmt/format.h>

#include "deftnn/report/numbers.h"

namespace deftnn {

std::string WhyNotFaster(const CostOfFraction& cost, std::span<const double> fractions) {
  const double whole = cost(1.0);
  bool any = false;
  for (const double fraction : fractions) {
    if (fraction >= 1.0) continue;
    if (cost(fraction) < (1 - kLeastGain) * whole) return "";
    any = true;
  }
  if (!any) return "";
  return fmt::format("would not get faster: measured {} at half of K against {}",
                     FormatMilliseconds(cost(0.5)), FormatMilliseconds(whole));
}

}  // namespace deftnn
