#include "deftnn/sve/groupings/grouping.h"

namespace deftnn {

extern const Grouping kPair;
const Grouping kPair = {
    "pair", "2 neighbouring channels at one kernel position (16-bit dot instructions)",
    [](const KLayout& layout) { return NeighbouringChannels(layout, 2); }, true};

}  // namespace deftnn
