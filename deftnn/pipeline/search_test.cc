#include "deftnn/pipeline/search.h"

#include <gtest/gtest.h>

#include <cmath>

namespace deftnn {
namespace {

Judgement Exact(double ratio, double loss_factor, double drop_factor) {
  const double loss = loss_factor * std::log(ratio) * std::log(ratio);
  return {ratio, loss, drop_factor * loss};
}

TEST(DropLaw, FindsTheFactorsOfExactCandidates) {
  const DropLaw law =
      FitDropLaw({Exact(1.5, 0.02, 90), Exact(2.0, 0.02, 90), Exact(3.0, 0.02, 90)});
  EXPECT_NEAR(law.loss_factor, 0.02, 1e-12);
  EXPECT_NEAR(law.drop_factor, 90, 1e-9);
  EXPECT_NEAR(law.DropAt(Exact(law.RatioFor(0.4), 0.02, 90).loss), 0.4, 1e-12);
  EXPECT_NEAR(law.RatioFor(0), 1.0, 1e-12);
}

TEST(DropLaw, ChanceOfTheDropsCancels) {
  Judgement up = Exact(2.0, 0.02, 90), down = up;
  up.drop += 0.1;
  down.drop -= 0.1;
  EXPECT_NEAR(FitDropLaw({up, down}).drop_factor, 90, 1e-9);
}

TEST(DropLaw, NothingLostIsNoDivisionByZero) {
  for (const auto& candidates :
       {std::vector<Judgement>{}, std::vector<Judgement>{{1.0, 0, 0.3}},
        std::vector<Judgement>{{2.0, 0.01, -0.5}}, std::vector<Judgement>{{2.0, 0, 0}}}) {
    const DropLaw law = FitDropLaw(candidates);
    EXPECT_GT(law.loss_factor, 0);
    EXPECT_GT(law.drop_factor, 0);
    EXPECT_FALSE(std::isnan(law.RatioFor(0.5)));
  }
}

// Losses that fall more slowly than the law's near its limit, as the demo's once did: five
// candidates were then made within an eighth of each other, and none was taken.
TEST(RatioToTry, LeavesTheLimitsNeighbourhoodWhereAllLoseTooMuch) {
  constexpr double kLimit = 0.455;
  std::vector<Judgement> judged;
  double ratio = 2.25;
  int tried = 0;
  bool found = false;
  while (!found && tried < 5) {
    judged.push_back({.ratio = ratio, .loss = 0.0062 - 0.004 * (2.25 - ratio), .drop = 0.53});
    ++tried;
    const DropLaw law = FitDropLaw(judged);
    found = law.DropAt(judged.back().loss) <= kLimit;
    if (!found) {
      const double next = RatioToTry(judged, law, kLimit, false);
      if (tried >= 2) {
        EXPECT_LT(next, 0.97 * ratio);
      }
      ratio = next;
    }
  }
  EXPECT_TRUE(found);
  EXPECT_GT(ratio, 1.2);
  EXPECT_DOUBLE_EQ(RatioToTry(judged, {0.01, 100}, kLimit, true),
                   DropLaw({0.01, 100}).RatioFor(kLimit));
}

}  // namespace
}  // namespace deftnn
