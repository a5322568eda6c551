#include "deftnn/base/check.h"

#include <cstdio>
#include <cstdlib>

namespace deftnn {

void CheckFailed(const char* expression, const char* file, int line) {
  std::fprintf(stderr, "deftnn: broken invariant at %s:%d: %s\n", file, line, expression);
  std::abort();
}

}  // namespace deftnn
