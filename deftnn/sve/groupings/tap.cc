#include "deftnn/sve/groupings/grouping.h"

namespace deftnn {

extern const Grouping kTap;
const Grouping kTap = {"tap", "every channel of one kernel position", [](const KLayout& layout) {
                         return NeighbouringChannels(layout, layout.channels);
                       }};

}  // namespace deftnn
