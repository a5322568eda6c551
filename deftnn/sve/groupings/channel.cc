#include "deftnn/sve/groupings/grouping.h"

namespace deftnn {

namespace {

EntryGroups EveryPositionOfAChannel(const KLayout& layout) {
  EntryGroups groups(layout.channels);
  for (int64_t position = 0; position < layout.positions; ++position)
    for (int64_t c = 0; c < layout.channels; ++c)
      groups[c].push_back(position * layout.channels + c);
  return groups;
}

}  // namespace

extern const Grouping kChannel;
const Grouping kChannel = {"channel", "one input channel at every kernel position",
                           EveryPositionOfAChannel};

}  // namespace deftnn
