#include "deftnn/kernels/peak/peak.h"

#include <gtest/gtest.h>

namespace deftnn {
namespace {

TEST(PeakTest, EveryUsableIsaHasPositivePeaks) {
  for (const Isa isa : UsableIsas()) {
    SCOPED_TRACE(NameOf(isa));
    const MachinePeaks peaks = MeasurePeaks(isa, 1);
    EXPECT_GT(peaks.fp32_gflops, 0);
    EXPECT_GT(peaks.dfp16_gflops, 0);
    for (const double gbps : peaks.read_gbps) EXPECT_GT(gbps, 0);
  }
}

TEST(PeakTest, MoreThreadsThanTheCachesHaveSharesFor) {
  const MachinePeaks peaks = MeasurePeaks(Isa::kPortable, 300);
  for (const double gbps : peaks.read_gbps) EXPECT_GE(gbps, 0);
}

TEST(PeakTest, BoundIsTheLargerOfComputeAndBytes) {
  MachinePeaks peaks;
  peaks.fp32_gflops = 100;
  peaks.dfp16_gflops = 200;
  peaks.read_gbps = {400, 200, 100, 10};
  peaks.cache_bytes = {32 << 10, 1 << 20, 16 << 20};
  EXPECT_DOUBLE_EQ(peaks.BoundSeconds(1e9, 1000, Format::kFp32), 2e9 / 100e9);
  EXPECT_DOUBLE_EQ(peaks.BoundSeconds(1e9, 1000, Format::kDfp16), 2e9 / 200e9);
  EXPECT_DOUBLE_EQ(peaks.BoundSeconds(1, 1e9, Format::kFp32), 1e9 / 10e9);
  EXPECT_DOUBLE_EQ(peaks.ReadGbps(1 << 10), 400);
  EXPECT_DOUBLE_EQ(peaks.ReadGbps(2 << 20), 100);
}

}  // namespace
}  // namespace deftnn
