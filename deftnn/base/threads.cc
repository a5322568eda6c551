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
  for (int worker = 1; worker < threads; ++worker) {
    workers_.emplace_back([this, worker] { Work(worker); });
  }
}

ThreadPool::~ThreadPool() {
  {
    const std::lock_guard<std::mutex> lock(sleep_mutex_);
    stop_ = true;
    generation_.fetch_add(1);
  }
  wake_.notify_all();
  for (std::thread& worker : workers_) worker.join();
}

void ThreadPool::Run(FunctionRef<void(int worker)> function) {
  if (workers_.empty()) return function(0);
  const std::unique_lock<std::mutex> lock(caller_mutex_, std::try_to_lock);
  if (!lock.owns_lock()) {
    for (int worker = 0; worker < size(); ++worker) function(worker);
    return;
  }
  function_ = &function;
  pending_.store(static_cast<int>(workers_.size()), std::memory_order_relaxed);
  generation_.fetch_add(1);
  if (sleepers_.load() > 0) {
    {
      const std::lock_guard<std::mutex> sleep_lock(sleep_mutex_);
    }
    wake_.notify_all();
  }
  function(0);
  for (int spin = 0; pending_.load(std::memory_order_acquire) > 0; ++spin) {
    // With more threads than cores a worker may be waiting for ours.
    if (spin < kSpins)
      Pause();
    else
      std::this_thread::yield();
  }
}

void ThreadPool::ParallelFor(int64_t count, FunctionRef<void(int64_t, int64_t, int)> function) {
  if (count <= 0) return;
  const int64_t parts = size();
  if (parts == 1 || count == 1) return function(0, count, 0);
  Run([&](int worker) {
    const int64_t begin = count * worker / parts, end = count * (worker + 1) / parts;
    if (begin < end) function(begin, end, worker);
  });
}

void ThreadPool::Work(int worker) {
  uint64_t seen = 0;
  while (true) {
    uint64_t current = generation_.load(std::memory_order_acquire);
    for (int spin = 0; current == seen && spin < kSpins; ++spin) {
      Pause();
      current = generation_.load(std::memory_order_acquire);
    }
    if (current == seen) {
      std::unique_lock<std::mutex> lock(sleep_mutex_);
      sleepers_.fetch_add(1);
      wake_.wait(lock, [&] { return generation_.load() != seen; });
      sleepers_.fetch_sub(1);
      current = generation_.load();
    }
    seen = current;
    if (stop_) return;
    (*function_)(worker);
    pending_.fetch_sub(1, std::memory_order_release);
  }
}

}  // namespace deftnn
