// A pool of threads that share out one function's parts, with a spinning barrier between regions.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <thread>
#include <type_traits>
#include <utility>
#include <vector>

namespace deftnn {

/// A reference to a callable that outlives the call: no allocation.
template <typename Signature>
class FunctionRef;
template <typename R, typename... Args>
class FunctionRef<R(Args...)> {
 public:
  template <typename F, typename = std::enable_if_t<!std::is_same_v<std::decay_t<F>, FunctionRef>>>
  FunctionRef(F&& function)  // NOLINT
      : object_(const_cast<void*>(static_cast<const void*>(&function))),
        call_([](void* object, Args... args) -> R {
          return (*static_cast<std::remove_reference_t<F>*>(object))(std::forward<Args>(args)...);
        }) {}
  R operator()(Args... args) const { return call_(object_, std::forward<Args>(args)...); }

 private:
  void* object_;
  R (*call_)(void*, Args...);
};

class ThreadPool {
 public:
  /// `threads` >= 1 includes the caller's own thread.
  explicit ThreadPool(int threads);
  ~ThreadPool();
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;

  int size() const { return static_cast<int>(workers_.size()) + 1; }

  /// Calls function(share) once for each share in [0, size()) and returns when all are done.
  /// Threads claim shares one by one, so that a thread that the machine holds back (another process
  /// has its core) costs its speed and not a wait: the others do its share. Workers spin for a
  /// moment between regions, then sleep. When the pool is busy with another caller's region, the
  /// caller runs every share itself.
  void Run(FunctionRef<void(int share)> function);

  /// Splits [0, count) into one contiguous balanced range a share: function(begin, end, share).
  /// Fixed for a given count and pool size, and meant for work whose result does not depend on it.
  void ParallelFor(int64_t count,
                   FunctionRef<void(int64_t begin, int64_t end, int share)> function);

 private:
  void Work();
  void ClaimShares(uint64_t generation);

  std::vector<std::thread> workers_;
  std::mutex caller_mutex_;
  // The region's number above, the next share to claim below: a claim fails once the region is
  // over.
  static constexpr int kGenerationShift = 32;
  std::atomic<uint64_t> ticket_{0};
  std::atomic<int> finished_{0};
  std::atomic<int> sleepers_{0};
  std::atomic<bool> stop_{false};
  std::atomic<const FunctionRef<void(int)>*> function_{nullptr};
  std::mutex sleep_mutex_;
  std::condition_variable wake_;
};

}  // namespace deftnn
