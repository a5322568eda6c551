// Groupings: which entries of the collapsed dimension K are eliminated together.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "deftnn/base/status.h"

namespace deftnn {

/// The entries of K = positions x channels, k = position * channels + channel.
struct KLayout {
  int64_t channels = 1;   // C
  int64_t positions = 1;  // kernel positions (1 for a matmul)
  int64_t entries() const { return channels * positions; }
};

/// Groups that partition the entries; each is rising.
using EntryGroups = std::vector<std::vector<int64_t>>;

struct Grouping {
  std::string_view name;
  std::string_view summary;  // one line, for help
  EntryGroups (*make)(const KLayout& layout);
  bool neighbours = false;  // which channels go together depends on their order
};

/// In the order of groupings.inc.
std::span<const Grouping> Groupings();
/// Error: an unknown name, with the known ones listed.
Result<const Grouping*> FindGrouping(std::string_view name);

/// Runs of `width` neighbouring channels at one kernel position; the last run of a position is
/// shorter when C is not a multiple.
EntryGroups NeighbouringChannels(const KLayout& layout, int64_t width);

/// How kept entries (rising) are written into a SynapseProduct: blocks of `group_size` consecutive
/// entries, the widest power of two up to 32 that divides the channels and in which every touched
/// block is kept whole.
struct KeptTable {
  int64_t group_size = 1;
  std::vector<int32_t> kept;  // block numbers, strictly rising
};
KeptTable WidestTable(const std::vector<int64_t>& kept_entries, int64_t channels);

}  // namespace deftnn
