#include "deftnn/base/threads.h"

#include <chrono>

#include "deftnn/base/check.h"

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace deftnn {
namespace {

// Long enough to bridge the gap between two layers, short enough not to burn an idle server's core.
constexpr int kSpins = 20000;

void Pause() {
#if defined(__x86_64__)
  _mm_pause();
#endif
}

}  // namespace

ThreadPool::ThreadPool(int threads) {
  DEFTNN_CHECK(threads >= 1);
  for (int worker = 1; worker < threads; ++worker) workers_.emplace_back([this] { Work(); });
}

ThreadPool::~ThreadPool() {
  {
    const std::lock_guard<std::mutex> lock(sleep_mutex_);
    stop_ = true;
    ticket_.fetch_add(uint64_t{1} << kGenerationShift);
  }
  wake_.notify_all();
  for (std::thread& worker : workers_) worker.join();
}

void ThreadPool::Run(FunctionRef<void(int share)> function) {
  if (workers_.empty()) return function(0);
  const std::unique_lock<std::mutex> lock(caller_mutex_, std::try_to_lock);
  if (!lock.owns_lock()) {
    for (int share = 0; share < size(); ++share) function(share);
    return;
  }
  function_.store(&function, std::memory_order_relaxed);
  finished_.store(0, std::memory_order_relaxed);
  const uint64_t generation = (ticket_.load(std::memory_order_relaxed) >> kGenerationShift) + 1;
  ticket_.store(generation << kGenerationShift);
  if (sleepers_.load() > 0) {
    {
      const std::lock_guard<std::mutex> sleep_lock(sleep_mutex_);
    }
    wake_.notify_all();
  }
  ClaimShares(generation);
  for (int spin = 0; finished_.load(std::memory_order_acquire) < size(); ++spin) {
    // With more threads than cores a worker may be waiting for ours.
    if (spin < kSpins)
      Pause();
    else
      std::this_thread::yield();
  }
}

// The function is read before the claim: a claim that succeeds says that its region still runs.
void ThreadPool::ClaimShares(uint64_t generation) {
  uint64_t ticket = ticket_.load(std::memory_order_acquire);
  while (ticket >> kGenerationShift == generation) {
    const int share = static_cast<int>(ticket & ((uint64_t{1} << kGenerationShift) - 1));
    if (share >= size()) return;
    const FunctionRef<void(int)>* function = function_.load(std::memory_order_relaxed);
    if (!ticket_.compare_exchange_weak(ticket, ticket + 1, std::memory_order_acq_rel,
                                       std::memory_order_acquire)) {
      continue;
    }
    (*function)(share);
    finished_.fetch_add(1, std::memory_order_release);
    ticket = ticket_.load(std::memory_order_acquire);
  }
}

void ThreadPool::ParallelFor(int64_t count, FunctionRef<void(int64_t, int64_t, int)> function) {
  if (count <= 0) return;
  const int64_t parts = size();
  if (parts == 1 || count == 1) return function(0, count, 0);
  Run([&](int share) {
    const int64_t begin = count * share / parts, end = count * (share + 1) / parts;
    if (begin < end) function(begin, end, share);
  });
}

void ThreadPool::Work() {
  const auto current = [this] { return ticket_.load() >> kGenerationShift; };
  uint64_t seen = 0;
  while (true) {
    uint64_t generation = current();
    for (int spin = 0; generation == seen && spin < kSpins; ++spin) {
      Pause();
      generation = current();
    }
    if (generation == seen) {
      std::unique_lock<std::mutex> lock(sleep_mutex_);
      sleepers_.fetch_add(1);
      wake_.wait(lock, [&] { return current() != seen; });
      sleepers_.fetch_sub(1);
      generation = current();
    }
    seen = generation;
    if (stop_) return;
    ClaimShares(generation);
  }
}

}  // namespace deftnn
