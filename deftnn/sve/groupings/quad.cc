#include "deftnn/sve/groupings/grouping.h"

namespace deftnn {

extern const Grouping kQuad;
const Grouping kQuad = {
    "quad", "4 neighbouring channels at one kernel position (8-bit dot instructions)",
    [](const KLayout& layout) { return NeighbouringChannels(layout, 4); }, true};

}  // namespace deftnn
