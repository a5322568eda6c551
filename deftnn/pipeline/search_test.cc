#include "deftnn/pipeline/search.h"

#include <gtest/gtest.h>

#include <cmath>

namespace deftnn {
namespace {

// Loss grows with a power of the error, drop with loss.
Judgement Exact(double error, double power, double loss_factor, double drop_factor) {
  const double loss = loss_factor * std::pow(error, power);
  return {error, loss, drop_factor * loss};
}

TEST(DropLaw, FindsTheFactorOfExactCandidates) {
  const DropLaw law =
      FitDropLaw({Exact(0.001, 1, 2, 90), Exact(0.002, 1, 2, 90), Exact(0.004, 1, 2, 90)}, 0.5);
  EXPECT_NEAR(law.factor, 90, 1e-9);
  EXPECT_NEAR(law.DropAt(law.LossFor(0.4)), 0.4, 1e-12);
}

TEST(DropLaw, ChanceOfTheDropsCancels) {
  Judgement up = Exact(0.002, 1, 2, 90), down = up;
  up.drop += 0.1;
  down.drop -= 0.1;
  EXPECT_NEAR(FitDropLaw({up, down}, 1).factor, 90, 1e-9);
}

// Where nearly all is lost, twice the loss is not twice the drop.
TEST(DropLaw, GoesByThoseThatAreNear) {
  const Judgement near = Exact(0.002, 1, 2, 90), far = {3.0, 2.0, 60};
  EXPECT_NEAR(FitDropLaw({far, near}, 1).factor, 90, 1e-9);
  EXPECT_NEAR(FitDropLaw({far}, 1).factor, 30, 1e-9);
}

TEST(DropLaw, NothingLostIsNoDivisionByZero) {
  for (const auto& candidates : {std::vector<Judgement>{{0, 0, 0.3}},
                                 {{0.1, 0.01, -0.5}},
                                 {{0.1, 0, 0}},
                                 {{0, 0, 0}, {0.1, 0, 0}},
                                 {{0, 0, 0}, {0, 0, 0}}}) {
    const DropLaw law = FitDropLaw(candidates, 0.5);
    EXPECT_GT(law.factor, 0);
    EXPECT_TRUE(std::isfinite(ErrorToTry(candidates, law, 0.5, 1)));
    EXPECT_TRUE(std::isfinite(ErrorToTry(candidates, law, 0, 1)));
  }
}

// From either side: the first candidate where the power is known, the second where it is not.
TEST(ErrorToTry, FollowsAnExactLaw) {
  constexpr double kLimit = 0.4;
  for (const double power : {0.5, 1.0, 1.4}) {
    for (const double first : {1e-5, 1.0}) {
      std::vector<Judgement> judged = {Exact(first, power, 2, 90)};
      const double error = ErrorToTry(judged, {90}, kLimit, power);
      EXPECT_NEAR(Exact(error, power, 2, 90).drop, kLimit, 1e-9) << power << " from " << first;
      judged.push_back(Exact(2 * first, power, 2, 90));
      const double by_two = Exact(ErrorToTry(judged, {90}, kLimit, 3), power, 2, 90).drop;
      const bool too_much = judged[0].drop > kLimit;  // both lose: clearly below is next
      EXPECT_NEAR(by_two, too_much ? kLimit * std::pow(0.8, power) : kLimit, 1e-9)
          << power << " from " << first;
    }
  }
}

TEST(ErrorToTry, StaysBetweenACandidateThatIsWithinAndOneThatIsNot) {
  std::vector<Judgement> judged = {{0.01, 0.001, 0.1}, {0.04, 0.01, 1.0}};
  const double between = ErrorToTry(judged, {100}, 0.4, 1);
  EXPECT_GT(between, 0.01);
  EXPECT_LT(between, 0.04);
  // The second loses little, but surely too much.
  judged[1] = {0.04, 0.002, 0.9, true};
  EXPECT_LE(ErrorToTry(judged, {100}, 0.4, 1), 0.04 + 1e-12);
}

// Losses that hardly fall with the error near the limit, as the demo's once did: five candidates
// were then made close to each other, and none was taken.
TEST(ErrorToTry, LeavesTheLimitsNeighbourhoodWhereAllLoseTooMuch) {
  constexpr double kLimit = 0.455;
  std::vector<Judgement> judged;
  double error = 0.006;
  int tried = 0;
  bool found = false;
  while (!found && tried < 5) {
    const double loss = 0.0062 - 0.3 * (0.006 - error);
    judged.push_back({.error = error, .loss = loss, .drop = 86 * loss});
    ++tried;
    const DropLaw law = FitDropLaw(judged, 0.5);
    found = law.DropAt(judged.back().loss) <= kLimit;
    if (!found) {
      const double next = ErrorToTry(judged, law, kLimit, 1);
      if (tried >= 2) {
        EXPECT_LT(next, 0.85 * error);
      }
      error = next;
    }
  }
  EXPECT_TRUE(found);
}

}  // namespace
}  // namespace deftnn
