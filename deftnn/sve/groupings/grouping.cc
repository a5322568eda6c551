#include "deftnn/sve/groupings/grouping.h"

#include <algorithm>

namespace deftnn {

#define DEFTNN_GROUPING(object) extern const Grouping object;
#include "deftnn/sve/groupings/groupings.inc"
#undef DEFTNN_GROUPING

std::span<const Grouping> Groupings() {
  static const std::vector<Grouping> all = {
#define DEFTNN_GROUPING(object) object,
#include "deftnn/sve/groupings/groupings.inc"
#undef DEFTNN_GROUPING
  };
  return all;
}

Result<const Grouping*> FindGrouping(std::string_view name) {
  std::string known;
  for (const Grouping& grouping : Groupings()) {
    if (grouping.name == name) return &grouping;
    known += (known.empty() ? "" : ", ") + std::string(grouping.name);
  }
  return Error("no grouping is called '{}'", name).WithHint("one of " + known);
}

EntryGroups NeighbouringChannels(const KLayout& layout, int64_t width) {
  EntryGroups groups;
  for (int64_t position = 0; position < layout.positions; ++position) {
    for (int64_t c = 0; c < layout.channels; c += width) {
      std::vector<int64_t>& group = groups.emplace_back();
      for (int64_t i = c; i < std::min(layout.channels, c + width); ++i)
        group.push_back(position * layout.channels + i);
    }
  }
  return groups;
}

KeptTable WidestTable(const std::vector<int64_t>& kept_entries, int64_t channels) {
  KeptTable table;
  for (int64_t size = 32; size >= 1; size /= 2) {
    if (channels % size != 0 || static_cast<int64_t>(kept_entries.size()) % size != 0) continue;
    bool whole = true;
    for (size_t i = 0; whole && i < kept_entries.size(); ++i)
      whole = kept_entries[i] == kept_entries[i / size * size] + static_cast<int64_t>(i % size) &&
              kept_entries[i / size * size] % size == 0;
    if (!whole) continue;
    table.group_size = size;
    break;
  }
  for (size_t i = 0; i < kept_entries.size(); i += table.group_size)
    table.kept.push_back(static_cast<int32_t>(kept_entries[i] / table.group_size));
  return table;
}

}  // namespace deftnn
