#include "deftnn/pipeline/format_offers.h"

#include <gtest/gtest.h>

namespace deftnn {
namespace {

using Formats = std::vector<Format>;

TEST(FormatOffers, WithoutHarmsFormatsAreThoseOfTheDenseNetwork) {
  FormatChoice dense(Format::kDfp16);
  dense.in_fp32 = {"a"};
  const std::vector<FormatOffers> offers = OfferFormats(dense, {}, 2);
  ASSERT_EQ(offers.size(), 2U);
  for (const FormatOffers& of : offers) {
    EXPECT_FALSE(of.open());
    EXPECT_EQ(of.Of("a"), Formats{Format::kFp32});
    EXPECT_EQ(of.Of("b"), Formats{Format::kDfp16});
    EXPECT_EQ(of.Safest(), dense);
  }
}

TEST(FormatOffers, NodesThatHardlyHarmAreClosed) {
  const std::vector<FormatOffers> offers =
      OfferFormats(Format::kFp32, {{"a", {1.0}}, {"b", {0.5}}, {"c", {6e-4}}, {"d", {5e-4}}}, 1);
  ASSERT_EQ(offers.size(), 1U);
  EXPECT_TRUE(offers[0].open());
  // Of 1.5011, c and d together are less than a thousandth.
  EXPECT_EQ(offers[0].Of("c"), Formats{Format::kDfp16});
  EXPECT_EQ(offers[0].Of("d"), Formats{Format::kDfp16});
  EXPECT_EQ(offers[0].Of("a"), (Formats{Format::kFp32, Format::kDfp16}));
  FormatChoice safest(Format::kDfp16);
  safest.in_fp32 = {"a", "b"};
  EXPECT_EQ(offers[0].Safest(), safest);
}

// Costs are measured once for all losses.
TEST(FormatOffers, ANodeThatHarmsByAnyLossIsOpenByAll) {
  const std::vector<FormatOffers> offers =
      OfferFormats(Format::kDfp16, {{"a", {1.0, 1e-9}}, {"b", {1e-9, 3.0}}, {"c", {0, 0}}}, 2);
  for (const FormatOffers& of : offers) {
    EXPECT_EQ(of.harm.size(), 2U);
    EXPECT_FALSE(of.harm.contains("c"));
  }
  EXPECT_EQ(offers[0].harm.at("b"), 1e-9);
  EXPECT_EQ(offers[1].harm.at("b"), 3.0);
}

TEST(FormatOffers, NoHarmAtAllOpensNothing) {
  EXPECT_FALSE(OfferFormats(Format::kDfp16, {{"a", {0.0}}, {"b", {0.0}}}, 1)[0].open());
}

}  // namespace
}  // namespace deftnn
