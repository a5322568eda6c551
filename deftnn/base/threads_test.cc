#include "deftnn/base/threads.h"

#include <gtest/gtest.h>

#include <chrono>

namespace deftnn {
namespace {

TEST(ThreadPool, RunsEveryShareOnce) {
  for (const int threads : {1, 2, 3, 8}) {
    ThreadPool pool(threads);
    ASSERT_EQ(pool.size(), threads);
    for (int region = 0; region < 2000; ++region) {
      std::vector<std::atomic<int>> runs(threads);
      pool.Run([&](int share) { runs.at(share).fetch_add(1); });
      for (int share = 0; share < threads; ++share)
        ASSERT_EQ(runs[share].load(), 1) << threads << " threads, region " << region;
    }
  }
}

TEST(ThreadPool, SeesWhatTheCallerAndTheSharesWrote) {
  ThreadPool pool(4);
  std::vector<int64_t> values(1000);
  for (int64_t region = 1; region <= 200; ++region) {
    std::vector<int64_t> input(values.size(), region);
    pool.ParallelFor(static_cast<int64_t>(values.size()), [&](int64_t begin, int64_t end, int) {
      for (int64_t i = begin; i < end; ++i) values[i] += input[i];
    });
  }
  for (const int64_t value : values) EXPECT_EQ(value, 200 * 201 / 2);
}

TEST(ThreadPool, RangesAreBalancedAndCoverAll) {
  ThreadPool pool(3);
  for (const int64_t count : {0, 1, 2, 3, 4, 100}) {
    std::vector<std::atomic<int>> hits(count);
    std::atomic<int64_t> longest{0};
    pool.ParallelFor(count, [&](int64_t begin, int64_t end, int share) {
      EXPECT_TRUE(share >= 0 && share < 3);
      for (int64_t i = begin; i < end; ++i) hits[i].fetch_add(1);
      int64_t seen = longest.load();
      while (seen < end - begin && !longest.compare_exchange_weak(seen, end - begin)) {
      }
    });
    for (const auto& hit : hits) EXPECT_EQ(hit.load(), 1);
    EXPECT_LE(longest.load(), (count + 2) / 3);
  }
}

TEST(ThreadPool, TakesSeveralCallersAtOnce) {
  ThreadPool pool(2);
  std::atomic<int> runs{0};
  std::vector<std::thread> callers;
  for (int c = 0; c < 4; ++c) {
    callers.emplace_back([&] {
      for (int i = 0; i < 500; ++i) pool.Run([&](int) { runs.fetch_add(1); });
    });
  }
  for (std::thread& caller : callers) caller.join();
  EXPECT_EQ(runs.load(), 4 * 500 * 2);
}

// A worker that is held back in one share does not keep the others from theirs.
TEST(ThreadPool, OthersDoTheSharesOfASlowThread) {
  ThreadPool pool(3);
  std::atomic<int> done{0};
  pool.Run([&](int share) {
    if (share == 0) {
      while (done.load() < 2) std::this_thread::sleep_for(std::chrono::microseconds(50));
    }
    done.fetch_add(1);
  });
  EXPECT_EQ(done.load(), 3);
}

TEST(ThreadPool, WakesAfterSleep) {
  ThreadPool pool(2);
  for (int i = 0; i < 5; ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
    int sum = 0;
    std::mutex mutex;
    pool.Run([&](int share) {
      const std::lock_guard<std::mutex> lock(mutex);
      sum += share + 1;
    });
    EXPECT_EQ(sum, 3);
  }
}

}  // namespace
}  // namespace deftnn
