// DEFTNN_CHECK: for invariants of ours. What a user can get wrong is a Status instead.
#pragma once

namespace deftnn {

[[noreturn]] void CheckFailed(const char* expression, const char* file, int line);

}  // namespace deftnn

#define DEFTNN_CHECK(expression)                        \
  (static_cast<bool>(expression) ? static_cast<void>(0) \
                                 : ::deftnn::CheckFailed(#expression, __FILE__, __LINE__))
