#include "deftnn/sve/groupings/grouping.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "deftnn/base/rng.h"

namespace deftnn {
namespace {

using Entries = std::vector<int64_t>;

EntryGroups Make(const char* name, const KLayout& layout) {
  return (*FindGrouping(name))->make(layout);
}

TEST(SveGroupings, EveryOnePartitionsTheEntries) {
  for (uint64_t seed = 1; seed <= 20; ++seed) {
    SCOPED_TRACE(testing::Message() << "seed " << seed);
    Rng rng(seed);
    const KLayout layout = {rng.Between(1, 70), rng.Between(1, 9)};
    for (const Grouping& grouping : Groupings()) {
      SCOPED_TRACE(grouping.name);
      Entries all;
      for (const Entries& group : grouping.make(layout)) {
        EXPECT_FALSE(group.empty());
        EXPECT_TRUE(std::is_sorted(group.begin(), group.end()));
        all.insert(all.end(), group.begin(), group.end());
      }
      std::sort(all.begin(), all.end());
      ASSERT_EQ(static_cast<int64_t>(all.size()), layout.entries());
      for (int64_t i = 0; i < layout.entries(); ++i) EXPECT_EQ(all[i], i);
    }
  }
}

TEST(SveGroupings, ByHand) {
  const KLayout layout = {5, 2};
  EXPECT_EQ(Make("synapse", layout)[7], (Entries{7}));
  EXPECT_EQ(Make("pair", layout), (EntryGroups{{0, 1}, {2, 3}, {4}, {5, 6}, {7, 8}, {9}}));
  EXPECT_EQ(Make("quad", layout), (EntryGroups{{0, 1, 2, 3}, {4}, {5, 6, 7, 8}, {9}}));
  EXPECT_EQ(Make("hardware8", layout), (EntryGroups{{0, 1, 2, 3, 4}, {5, 6, 7, 8, 9}}));
  EXPECT_EQ(Make("tap", layout), (EntryGroups{{0, 1, 2, 3, 4}, {5, 6, 7, 8, 9}}));
  EXPECT_EQ(Make("channel", layout), (EntryGroups{{0, 5}, {1, 6}, {2, 7}, {3, 8}, {4, 9}}));
  EXPECT_EQ(Make("hardware16", {32, 1}).size(), 2u);
  EXPECT_FALSE(FindGrouping("octet").ok());
}

TEST(SveGroupings, TheWidestTableThatFits) {
  KeptTable t = WidestTable({0, 1, 2, 3, 8, 9, 10, 11}, 4);
  EXPECT_EQ(t.group_size, 4);
  EXPECT_EQ(t.kept, (std::vector<int32_t>{0, 2}));
  t = WidestTable({0, 1, 6, 7}, 4);
  EXPECT_EQ(t.group_size, 2);
  EXPECT_EQ(t.kept, (std::vector<int32_t>{0, 3}));
  t = WidestTable({1, 2, 3, 4}, 4);  // not aligned
  EXPECT_EQ(t.group_size, 1);
  EXPECT_EQ(t.kept, (std::vector<int32_t>{1, 2, 3, 4}));
  t = WidestTable({0, 1, 2, 3, 4, 5}, 3);  // a block would span two positions
  EXPECT_EQ(t.group_size, 1);
  EXPECT_EQ(WidestTable({}, 8).kept.size(), 0u);
  Entries all(128);
  for (int64_t i = 0; i < 128; ++i) all[i] = i;
  EXPECT_EQ(WidestTable(all, 64).group_size, 32);
}

}  // namespace
}  // namespace deftnn
