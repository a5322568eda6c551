#include "deftnn/analysis/blas.h"

#include <gtest/gtest.h>

#include <cstdlib>

#include "deftnn/base/cpu.h"

namespace deftnn {
namespace {

// Fails on a CPU that this OpenBLAS does not know, if nothing is done about it.
TEST(Blas, UsesTheVectorsThatThisCpuHas) {
  const char* wanted = std::getenv("OPENBLAS_CORETYPE");
  if (wanted != nullptr && std::string(wanted) == "Prescott") GTEST_SKIP() << "as it was wanted";
  PrepareBlas();
  if (!Supports(Isa::kAvx2)) GTEST_SKIP() << "no AVX2";
  EXPECT_NE(BlasCore(), "Prescott");
}

}  // namespace
}  // namespace deftnn
