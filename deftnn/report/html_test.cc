#include "deftnn/report/html.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <vector>

#include "deftnn/report/html_charts.h"
#include "deftnn/report/test_records.h"

namespace deftnn {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

/// Every element is closed in order; void elements and the doctype aside.
void ExpectBalanced(const std::string& html) {
  std::vector<std::string> open;
  for (size_t at = html.find('<'); at != std::string::npos; at = html.find('<', at + 1)) {
    const size_t end = html.find('>', at);
    ASSERT_NE(end, std::string::npos);
    std::string tag = html.substr(at + 1, end - at - 1);
    if (tag.starts_with("!") || tag.starts_with("meta") || tag.ends_with("/")) continue;
    const bool closes = tag.starts_with("/");
    tag = tag.substr(closes ? 1 : 0, tag.find_first_of(" \n") - (closes ? 1 : 0));
    if (!closes) {
      open.push_back(tag);
      continue;
    }
    ASSERT_FALSE(open.empty()) << tag;
    EXPECT_EQ(open.back(), tag);
    open.pop_back();
  }
  EXPECT_TRUE(open.empty());
}

TEST(ReportHtml, EscapesText) {
  EXPECT_EQ(EscapeHtml("<a href=\"x\">'&'\n"), "&lt;a href=&quot;x&quot;&gt;&#39;&amp;&#39; ");
  EXPECT_EQ(EscapeHtml("\xc3\xa9"), "\xc3\xa9");
  EXPECT_EQ(EscapeHtml("\xff\xc3"), "\xef\xbf\xbd\xef\xbf\xbd");
}

TEST(ReportHtml, IsOneFileWithoutOutsideReferences) {
  const std::string html = ToHtml(MadeUpOptimize());
  for (const char* outside :
       {"http://", "https://", "src=", "@import", "<link", "<script", "url(h", "url(\"", "href="}) {
    EXPECT_THAT(html, Not(HasSubstr(outside)));
  }
  EXPECT_THAT(html, HasSubstr("<!doctype html>"));
  ExpectBalanced(html);
}

TEST(ReportHtml, ShowsEverySection) {
  const OptimizeRecord record = MadeUpOptimize();
  const std::string html = ToHtml(record);
  for (const char* part :
       {"Elimination alone", "Fission alone", "Both", "Time per layer", "What is kept", "Roofline",
        "bf16 dot 468 GFLOP/s", "DRAM 28.4 GB/s", "Layers that stay dense, or could",
        "9 inputs a product", "the machine was busy", "--max-drop 0.5 --seed 1", "-0.37"}) {
    EXPECT_THAT(html, HasSubstr(part));
  }
  for (const LayerRecord& layer : record.layers) EXPECT_THAT(html, HasSubstr(layer.name));
}

TEST(ReportHtml, EscapesEveryTextOfTheRecord) {
  const std::string evil = "<script>alert('x')</script>\"><img src=x onerror=1>";
  OptimizeRecord record = MadeUpOptimize(3);
  for (std::string* text : {&record.model,
                            &record.output,
                            &record.device.cpu,
                            &record.device.isa,
                            &record.metric,
                            &record.goal,
                            &record.criterion,
                            &record.compensation,
                            &record.group,
                            &record.given_up,
                            &record.command,
                            &record.device.compute[0].name,
                            &record.device.memory[0].name,
                            &record.layers[1].name,
                            &record.layers[1].op,
                            &record.layers[1].group,
                            &record.layers[1].weight_format,
                            &record.layers[1].activation_format,
                            &record.layers[1].reason,
                            &record.layers[1].roofline->bound}) {
    *text = evil;
  }
  record.warnings = {evil};
  const std::string html = ToHtml(record);
  EXPECT_THAT(html, Not(HasSubstr("<script")));
  EXPECT_THAT(html, Not(HasSubstr("<img")));
  EXPECT_THAT(html, HasSubstr("The dense network was written"));
  ExpectBalanced(html);
}

TEST(ReportHtml, SurvivesUnknownsAndNothing) {
  for (const std::string& html : {ToHtml(OptimizeRecord{}), [] {
                                    OptimizeRecord record = MadeUpOptimize(3);
                                    for (LayerRecord& layer : record.layers) {
                                      layer.latency_ms = layer.latency_ms_after = kUnknown;
                                      layer.k = layer.outputs = 0;
                                      layer.roofline->bytes = 0;
                                    }
                                    record.device.compute[0].rate = kUnknown;
                                    record.speedup = 0;
                                    return ToHtml(record);
                                  }()}) {
    EXPECT_THAT(html, Not(HasSubstr("nan")));
    EXPECT_THAT(html, Not(HasSubstr("inf%")));
    ExpectBalanced(html);
  }
}

TEST(ReportHtml, IsWrittenForTheEye) {
  // Look at it in a browser: DEFTNN_REPORT_SAMPLE=sample.html deftnn_tests --gtest_filter=...
  const char* path = std::getenv("DEFTNN_REPORT_SAMPLE");
  const std::string html = ToHtml(MadeUpOptimize());
  EXPECT_LT(html.size(), 200'000u);
  if (path != nullptr) std::ofstream(path) << html;
}

}  // namespace
}  // namespace deftnn
