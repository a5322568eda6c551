// Seconds, for differences.
#pragma once

#include <ctime>

namespace deftnn {

inline double SecondsOf(clockid_t clock) {
  timespec now{};
  clock_gettime(clock, &now);
  return static_cast<double>(now.tv_sec) + 1e-9 * static_cast<double>(now.tv_nsec);
}

/// Time on the wall, which never goes back.
inline double WallSeconds() { return SecondsOf(CLOCK_MONOTONIC); }
/// The CPU time of the calling thread: other processes on a shared machine do not count.
inline double ThreadSeconds() { return SecondsOf(CLOCK_THREAD_CPUTIME_ID); }

}  // namespace deftnn
