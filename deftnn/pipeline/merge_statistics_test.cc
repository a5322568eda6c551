// Merged statistics against those of all rows at once.
#include "deftnn/pipeline/merge_statistics.h"

#include <gtest/gtest.h>

#include <barrier>
#include <thread>

#include "deftnn/analysis/gram.h"
#include "deftnn/base/rng.h"
#include "deftnn/base/threads.h"

namespace deftnn {
namespace {

// Threads as processes.
struct Meeting {
  explicit Meeting(int size) : count(size), barrier(size) {}
  const int count;
  std::barrier<> barrier;
  std::vector<double> sums;
};
class Member : public ProcessGroup {
 public:
  Member(Meeting& meeting, int rank) : meeting_(meeting), rank_(rank) {}
  int rank() const override { return rank_; }
  int size() const override { return meeting_.count; }
  Status Sum(std::span<double> values) override {
    for (int turn = 0; turn < meeting_.count; ++turn) {
      if (turn == rank_) {
        if (turn == 0) meeting_.sums.assign(values.size(), 0.0);
        for (size_t i = 0; i < values.size(); ++i) meeting_.sums[i] += values[i];
      }
      meeting_.barrier.arrive_and_wait();
    }
    std::copy(meeting_.sums.begin(), meeting_.sums.end(), values.begin());
    meeting_.barrier.arrive_and_wait();
    return {};
  }
  Status Sum(std::span<float>) override { return Error("not needed here"); }
  Status Broadcast(std::span<std::byte>) override { return Error("not needed here"); }

 private:
  Meeting& meeting_;
  const int rank_;
};

LayerStatistics Take(const std::vector<float>& x, const std::vector<float>& y, int64_t begin,
                     int64_t end, int64_t k, int64_t outputs, ThreadPool& pool) {
  auto accumulator = GramAccumulator::Create({k, outputs}, &pool);
  EXPECT_TRUE(accumulator.ok());
  EXPECT_TRUE(accumulator->Add(end - begin, x.data() + begin * k, y.data() + begin * outputs).ok());
  return std::move(accumulator->Finish()).value();
}

// The accumulator multiplies blocks in float32, and blocks begin elsewhere in a share.
void ExpectNear(const std::vector<double>& a, const std::vector<double>& b) {
  ASSERT_EQ(a.size(), b.size());
  double largest = 1;
  for (const double value : b) largest = std::max(largest, std::abs(value));
  for (size_t i = 0; i < a.size(); ++i) EXPECT_NEAR(a[i], b[i], 1e-6 * largest);
}

TEST(MergeStatistics, IsWhatOneProcessTakes) {
  for (uint64_t seed = 1; seed <= 5; ++seed) {
    SCOPED_TRACE(testing::Message() << "seed " << seed);
    Rng rng(seed);
    const int64_t rows = rng.Between(20, 60), k = rng.Between(1, 9), outputs = rng.Between(1, 4);
    // Rows drift, so that the processes' means differ.
    std::vector<float> x, y;
    for (int64_t r = 0; r < rows; ++r) {
      for (int64_t i = 0; i < k; ++i)
        x.push_back(static_cast<float>(rng.Normal() + 0.1 * double(r)));
      for (int64_t o = 0; o < outputs; ++o)
        y.push_back(static_cast<float>(rng.Normal() - double(r)));
    }
    ThreadPool pool(1);
    const LayerStatistics wanted = Take(x, y, 0, rows, k, outputs, pool);
    const int processes = static_cast<int>(rng.Between(2, 3));
    Meeting meeting(processes);
    std::vector<LayerStatistics> merged;
    for (int rank = 0; rank < processes; ++rank) {
      const auto share = ShareOf(rows, 1, {rank, processes, "", 0});
      ASSERT_TRUE(share.ok());
      merged.push_back(Take(x, y, share->begin, share->begin + share->count, k, outputs, pool));
    }
    std::vector<std::thread> threads;
    for (int rank = 0; rank < processes; ++rank) {
      threads.emplace_back([&, rank] {
        Member member(meeting, rank);
        EXPECT_TRUE(MergeStatistics(member, merged[rank]).ok());
      });
    }
    for (std::thread& thread : threads) thread.join();
    for (const LayerStatistics& one : merged) {
      EXPECT_EQ(one.count, wanted.count);
      ExpectNear(one.mean, wanted.mean);
      ExpectNear(one.gram.data, wanted.gram.data);
      ExpectNear(one.target_mean, wanted.target_mean);
      ExpectNear(one.target_variance, wanted.target_variance);
      ExpectNear(one.cross.data, wanted.cross.data);
      EXPECT_EQ(one.gram.data, merged[0].gram.data);
    }
  }
}

TEST(MergeStatistics, SharesAreWholeBatchesThatCoverAll) {
  int64_t next = 0;
  for (int rank = 0; rank < 3; ++rank) {
    const auto share = ShareOf(40, 4, {rank, 3, "", 0});
    ASSERT_TRUE(share.ok());
    EXPECT_EQ(share->begin, next);
    EXPECT_EQ(share->count % 4, 0);
    EXPECT_GT(share->count, 0);
    next += share->count;
  }
  EXPECT_EQ(next, 40);
  EXPECT_FALSE(ShareOf(8, 4, {0, 3, "", 0}).ok());
}

}  // namespace
}  // namespace deftnn
