// The report's charts: bars as HTML (their text keeps its size on a phone), the roofline as SVG.
#pragma once

#include <string>
#include <string_view>

#include "deftnn/report/records.h"

namespace deftnn {

/// Text for an element or a quoted attribute: & < > " ' escaped, control characters and bytes that
/// are no UTF-8 replaced.
std::string EscapeHtml(std::string_view text);

/// Time, speedup, accuracy and multiply-adds of the original, each technique alone, and both.
std::string PartsChart(const OptimizeRecord& record);
/// Two bars a layer: time before and after.
std::string LayerTimeChart(const OptimizeRecord& record);
/// What is left of K and of the outputs of each layer.
std::string KeptChart(const OptimizeRecord& record);
/// Arithmetic intensity against speed, both logarithmic, under the measured roofs; an arrow from
/// each layer's point before to its point after. Empty when no layer has a roofline.
std::string RooflineChart(const OptimizeRecord& record);

}  // namespace deftnn
