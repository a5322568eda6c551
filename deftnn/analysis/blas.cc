#include "deftnn/analysis/blas.h"

#include <cblas.h>

#include <cstdlib>

#include "deftnn/base/cpu.h"
#include "deftnn/base/log.h"

// OpenBLAS chooses its kernels when it is loaded, and these again. They are no part of its
// interface, so that a build of it may lack them.
extern "C" {
void gotoblas_dynamic_init() __attribute__((weak));
void gotoblas_dynamic_quit() __attribute__((weak));
}

namespace deftnn {
namespace {

constexpr const char* kCoreVariable = "OPENBLAS_CORETYPE";
constexpr const char* kUnknownCore = "Prescott";  // what OpenBLAS takes an unknown x86-64 CPU for

const char* CoreOfThisCpu() {
  if (Supports(Isa::kAvx512)) return "SkylakeX";
  if (Supports(Isa::kAvx2)) return "Haswell";
  return kUnknownCore;
}

void ChooseCore() {
  const std::string core = CoreOfThisCpu();
  if (std::getenv(kCoreVariable) != nullptr || BlasCore() != kUnknownCore || core == kUnknownCore)
    return;
  // For another copy of OpenBLAS that is loaded later, too: LibTorch's.
  setenv(kCoreVariable, core.c_str(), 0);
  if (gotoblas_dynamic_init == nullptr || gotoblas_dynamic_quit == nullptr) {
    spdlog::warn("OpenBLAS does not know this CPU and is slow: {}={} in the environment helps",
                 kCoreVariable, core);
    return;
  }
  gotoblas_dynamic_quit();
  gotoblas_dynamic_init();
  spdlog::debug("OpenBLAS does not know this CPU: kernels of {}", BlasCore());
}

}  // namespace

void PrepareBlas() {
  static const bool done = [] {
    ChooseCore();
    openblas_set_num_threads(1);
    return true;
  }();
  (void)done;
}

std::string BlasCore() { return openblas_get_corename(); }

}  // namespace deftnn
