#include "deftnn/report/progress.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <thread>
#include <vector>

namespace deftnn {
namespace {

using ::testing::HasSubstr;

class ProgressTest : public ::testing::Test {
 protected:
  ProgressOptions Options(ProgressOptions::Style style) {
    return {style, [this](const std::string& text) { written_ += text; }, [this] { return now_; }};
  }
  std::string written_;
  double now_ = 100;
};

TEST_F(ProgressTest, ShortStepsSayNothing) {
  {
    Progress progress("calibrating", 10, Options(ProgressOptions::Style::kBar));
    for (int i = 0; i < 10; ++i) {
      now_ += 0.1;
      progress.Advance();
    }
  }
  EXPECT_EQ(written_, "");
}

TEST_F(ProgressTest, ABarWithAnEstimate) {
  {
    Progress progress("calibrating", 10, Options(ProgressOptions::Style::kBar));
    now_ += 4;
    progress.Advance(2);
    EXPECT_THAT(written_, HasSubstr("20 %, 16 s left"));
    const std::string before = written_;
    now_ += 0.01;
    progress.Advance();
    EXPECT_EQ(written_, before);  // not more than ten times a second
  }
  EXPECT_THAT(written_, HasSubstr("calibrating: 4 s\n"));
}

TEST_F(ProgressTest, PlainLinesWithoutControlCharacters) {
  {
    Progress progress("calibrating", 3, Options(ProgressOptions::Style::kLines));
    now_ += 3;
    progress.Advance();
    progress.Detail("layer\n1");
    now_ += 9;
    progress.Advance();
  }
  EXPECT_EQ(written_,
            "calibrating: 2/3 (67 %), 6 s left  layer?1\n"
            "calibrating: 12 s\n");
}

TEST_F(ProgressTest, QuietAndUnknownTotals) {
  {
    Progress quiet("calibrating", 3, Options(ProgressOptions::Style::kQuiet));
    now_ += 5;
    quiet.Advance();
  }
  EXPECT_EQ(written_, "");
  Progress open("measuring", 0, Options(ProgressOptions::Style::kLines));
  now_ += 15;
  open.Advance(7);
  EXPECT_EQ(written_, "measuring: 7 done, 15 s\n");
}

TEST_F(ProgressTest, AdvancesFromSeveralThreads) {
  Progress progress("x", 4000, Options(ProgressOptions::Style::kLines));
  now_ += 13;
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < 999; ++i) progress.Advance();
    });
  }
  for (std::thread& thread : threads) thread.join();
  now_ += 20;
  progress.Advance(4);
  EXPECT_THAT(written_, HasSubstr("4000/4000 (100 %)"));
}

}  // namespace
}  // namespace deftnn
