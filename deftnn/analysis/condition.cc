#include "deftnn/analysis/condition.h"

#include <algorithm>

namespace deftnn {

Condition Diagnose(const LayerStatistics& statistics) {
  Condition c;
  c.inputs = statistics.inputs();
  c.count = statistics.count;
  double trace = 0, square = 0;
  for (int64_t i = 0; i < c.inputs; ++i) {
    trace += statistics.gram.at(i, i);
    c.active_inputs += statistics.gram.at(i, i) > 0;
    square += Dot(c.inputs, statistics.gram.row(i), statistics.gram.row(i));
  }
  c.effective_rank = square > 0 ? trace * trace / square : 0;
  const double shortfall = 2.0 * static_cast<double>(c.active_inputs) /
                           static_cast<double>(std::max<int64_t>(1, c.count));
  c.damping = std::clamp(1e-2 * shortfall, 1e-2, 1e-1);
  if (c.active_inputs == 0) {
    c.warning = fmt::format("none of the {} inputs varied over {} samples", c.inputs, c.count);
  } else if (c.count <= c.active_inputs) {
    c.warning = fmt::format(
        "{} samples for {} varying inputs: the refit is not determined by the data; give at least "
        "{} "
        "samples (more calibration inputs, or more positions of each)",
        c.count, c.active_inputs, 2 * c.active_inputs);
  }
  return c;
}

}  // namespace deftnn
