#include "deftnn/sve/groupings/grouping.h"

namespace deftnn {

extern const Grouping kHardware8, kHardware16, kHardware32;
const Grouping kHardware8 = {"hardware8", "8 neighbouring channels at one kernel position",
                             [](const KLayout& layout) { return NeighbouringChannels(layout, 8); },
                             true};
const Grouping kHardware16 = {
    "hardware16", "16 neighbouring channels at one kernel position",
    [](const KLayout& layout) { return NeighbouringChannels(layout, 16); }, true};
const Grouping kHardware32 = {
    "hardware32", "32 neighbouring channels at one kernel position (matrix tiles)",
    [](const KLayout& layout) { return NeighbouringChannels(layout, 32); }, true};

}  // namespace deftnn
