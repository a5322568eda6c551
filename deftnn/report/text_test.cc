#include "deftnn/report/text.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "deftnn/report/numbers.h"
#include "deftnn/report/test_records.h"

namespace deftnn {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

TEST(Numbers, ReadWell) {
  EXPECT_EQ(FormatCount(0), "0");
  EXPECT_EQ(FormatCount(999), "999");
  EXPECT_EQ(FormatCount(1000), "1.00 k");
  EXPECT_EQ(FormatCount(999'499), "999 k");
  EXPECT_EQ(FormatCount(999'999), "1.00 M");
  EXPECT_EQ(FormatCount(20'400'000), "20.4 M");
  EXPECT_EQ(FormatBytes(1'050'000), "1.05 MB");
  EXPECT_EQ(FormatMilliseconds(0.0123), "12.3 us");
  EXPECT_EQ(FormatMilliseconds(4.561), "4.56 ms");
  EXPECT_EQ(FormatMilliseconds(1200), "1.20 s");
  EXPECT_EQ(FormatMilliseconds(kUnknown), "-");
  EXPECT_EQ(FormatDuration(42), "42 s");
  EXPECT_EQ(FormatDuration(185), "3 min 05 s");
  EXPECT_EQ(FormatDuration(3720), "1 h 02 min");
  EXPECT_EQ(FormatPercent(92.714), "92.71 %");
  EXPECT_EQ(FormatRatio(2.784), "2.78x");
  EXPECT_EQ(FormatPoints(0.31), "+0.31");
  EXPECT_EQ(FormatPoints(-0.001), "0.00");
  EXPECT_EQ(FormatNumber(0.012345), "0.0123");
}

TEST(TextTable, AlignsColumnsByCodePoints) {
  TextTable table({"a", "bb"}, {false, true});
  table.Row({"\xc3\xa9\xc3\xa9", "1"});
  table.Row({"x", "123"});
  EXPECT_EQ(table.ToString(), "a    bb\n--  ---\n\xc3\xa9\xc3\xa9    1\nx   123\n");
}

TEST(ReportText, OptimizeShowsWhatMatters) {
  OptimizeRecord record = MadeUpOptimize();
  record.layers[1].name = std::string(80, 'a') + "/the_end\x1b[2J";
  const std::string text = ToText(record);
  for (const char* part :
       {"92.71 %", "92.34 %", "-0.37 points (+-0.11)", "elimination alone", "fission alone",
        "Layers that stay dense, or could", "warning: the machine was busy", "/the_end?[2J",
        "wrote build/demo/fashion_vgg.deft"}) {
    EXPECT_THAT(text, HasSubstr(part));
  }
  EXPECT_THAT(text, Not(HasSubstr("\x1b")));
  EXPECT_THAT(ToText(record, false), Not(HasSubstr("features.2/Conv")));
  record.given_up = "it was 0.98x as fast";
  EXPECT_THAT(ToText(record),
              HasSubstr("The dense network was written, in dfp16: it was 0.98x as fast"));
}

TEST(ReportText, EmptyRecordsDoNotCrash) {
  EXPECT_THAT(ToText(OptimizeRecord{}), HasSubstr("latency"));
  EXPECT_THAT(ToText(EvalRecord{}), HasSubstr("0 samples"));
  EXPECT_FALSE(ToText(BenchRecord{}).empty());
  EXPECT_FALSE(ToText(InspectRecord{}).empty());
}

TEST(ReportText, BenchComparesAndListsLayers) {
  const std::string text = ToText(MadeUpBench());
  EXPECT_THAT(text, HasSubstr("a.deft is 2.50x as fast as a.onnx"));
  EXPECT_THAT(text, HasSubstr("gemm/avx512_bf16"));
  EXPECT_THAT(text, HasSubstr("1.20 ms"));
}

TEST(ReportText, InspectSaysWhereAFileComesFrom) {
  InspectRecord record;
  record.model = "m.onnx";
  record.format = "onnx";
  EXPECT_THAT(ToText(record), testing::StartsWith("m.onnx: onnx\n0 nodes"));
  record.opset = 13;
  record.producer = "pytorch\x1b 2.1";
  EXPECT_THAT(ToText(record),
              testing::StartsWith("m.onnx: onnx, opset 13, by pytorch? 2.1\n0 nodes"));
  record.settings = {{"goal", "--speedup 2"}, {"packed_for", "avx2"}};
  EXPECT_THAT(ToText(record), HasSubstr("2.1\nmade with --speedup 2; packed for avx2\n0 nodes"));
}

TEST(ReportText, EvalIsOneLine) {
  EXPECT_EQ(ToText(EvalRecord{"m.deft", "dfp16", "top1", 91.5, 0.25, 200, ""}),
            "top1 91.50 % (+-0.25) on 200 samples  [m.deft, dfp16]\n");
}

}  // namespace
}  // namespace deftnn
