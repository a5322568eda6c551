// The border of the library: inside are Status and, from the standard library, exceptions; outside
// is Expected.
#pragma once

#include <exception>
#include <new>

#include "deftnn/base/status.h"
#include "deftnn/expected.h"

namespace deftnn::api {

inline constexpr int kMostThreads = 1024;

inline v1::Error ToError(const Status& status) { return {status.ToString()}; }

/// 0 or a count of threads that a machine can have.
inline Status CheckThreads(int threads) {
  if (threads >= 0 && threads <= kMostThreads) return {};
  return Error("threads is {}", threads).WithHint("0 for one a core, at most 1024");
}

/// body(), a v1::Expected, with everything that it throws as an error.
template <typename Body>
auto Guarded(Body body) -> decltype(body()) {
  try {
    return body();
  } catch (const std::bad_alloc&) {
    return v1::Error{"out of memory"};
  } catch (const std::exception& thrown) {
    return v1::Error{thrown.what()};
  }
}

}  // namespace deftnn::api
