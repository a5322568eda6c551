#include "deftnn/sve/groupings/grouping.h"

namespace deftnn {

extern const Grouping kSynapse;
const Grouping kSynapse = {"synapse", "every entry by itself",
                           [](const KLayout& layout) { return NeighbouringChannels(layout, 1); }};

}  // namespace deftnn
