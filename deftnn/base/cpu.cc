#include "deftnn/base/cpu.h"

#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <fstream>
#include <thread>

#if defined(__x86_64__)
#include <cpuid.h>
#endif

namespace deftnn {
namespace {

constexpr std::string_view kNames[kIsaCount] = {"portable", "avx2", "avx512", "avx512_bf16",
                                                "amx_bf16"};

#if defined(__x86_64__)
bool HasAmx() {
  unsigned a = 0, b = 0, c = 0, d = 0;
  if (!__get_cpuid_count(7, 0, &a, &b, &c, &d)) return false;
  const bool tile = (d >> 24) & 1, bf16 = (d >> 22) & 1;
  if (!tile || !bf16) return false;
  constexpr int kArchReqXcompPerm = 0x1023, kXfeatureXtiledata = 18;
  return syscall(SYS_arch_prctl, kArchReqXcompPerm, kXfeatureXtiledata) == 0;
}

bool HasAvx512Bf16() {
  unsigned a = 0, b = 0, c = 0, d = 0;
  return __get_cpuid_count(7, 1, &a, &b, &c, &d) && ((a >> 5) & 1);
}

bool Detect(Isa isa) {
  __builtin_cpu_init();
  const bool avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") &&
                    __builtin_cpu_supports("bmi2") && __builtin_cpu_supports("aes") &&
                    __builtin_cpu_supports("pclmul");
  const bool avx512 = avx2 && __builtin_cpu_supports("avx512f") &&
                      __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq") &&
                      __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512cd");
  switch (isa) {
    case Isa::kPortable:
      return true;
    case Isa::kAvx2:
      return avx2;
    case Isa::kAvx512:
      return avx512;
    case Isa::kAvx512Bf16:
      return avx512 && HasAvx512Bf16();
    case Isa::kAmxBf16:
      return avx512 && HasAvx512Bf16() && HasAmx();
  }
  return false;
}
#else
bool Detect(Isa isa) { return isa == Isa::kPortable; }
#endif

}  // namespace

std::string_view NameOf(Isa isa) { return kNames[static_cast<int>(isa)]; }

Result<Isa> ParseIsa(std::string_view name) {
  for (int i = 0; i < kIsaCount; ++i) {
    if (kNames[i] == name) return static_cast<Isa>(i);
  }
  return Error("unknown ISA '{}'", name)
      .WithHint(fmt::format("one of {}", fmt::join(kNames, ", ")));
}

bool Supports(Isa isa) {
  static const std::array<bool, kIsaCount> supported = [] {
    std::array<bool, kIsaCount> rows{};
    for (int i = 0; i < kIsaCount; ++i) rows[i] = Detect(static_cast<Isa>(i));
    return rows;
  }();
  return supported[static_cast<int>(isa)];
}

Result<Isa> SelectedIsa() {
  if (const char* forced = std::getenv("DEFTNN_ISA"); forced != nullptr && *forced != '\0') {
    DEFTNN_ASSIGN_OR_RETURN(const Isa isa, ParseIsa(forced));
    if (!Supports(isa)) {
      return Error("DEFTNN_ISA={} cannot run on this CPU ({})", forced, CpuName())
          .WithHint("unset DEFTNN_ISA or name a lower ISA");
    }
    return isa;
  }
  Isa best = Isa::kPortable;
  for (int i = 0; i < kIsaCount; ++i) {
    if (Supports(static_cast<Isa>(i))) best = static_cast<Isa>(i);
  }
  return best;
}

std::vector<Isa> UsableIsas() {
  const auto selected = SelectedIsa();
  const Isa top = selected.ok() ? *selected : Isa::kPortable;
  std::vector<Isa> isas;
  for (int i = 0; i <= static_cast<int>(top); ++i) {
    if (Supports(static_cast<Isa>(i))) isas.push_back(static_cast<Isa>(i));
  }
  return isas;
}

std::string CpuName() {
  std::ifstream file("/proc/cpuinfo");
  std::string line;
  while (std::getline(file, line)) {
    if (line.rfind("model name", 0) == 0) {
      const size_t colon = line.find(':');
      if (colon != std::string::npos && colon + 2 <= line.size()) return line.substr(colon + 2);
    }
  }
  return "unknown CPU";
}

int PhysicalThreads() { return std::max(1u, std::thread::hardware_concurrency()); }

long CacheBytes(int level) {
  // sysconf counts a cache that several groups of cores have once for each group.
  std::ifstream file(fmt::format("/sys/devices/system/cpu/cpu0/cache/index{}/size", level));
  long kibibytes = 0;
  char unit = 0;
  if (level == 3 && file >> kibibytes >> unit && unit == 'K' && kibibytes > 0) {
    return kibibytes << 10;
  }
  const int names[] = {0, _SC_LEVEL1_DCACHE_SIZE, _SC_LEVEL2_CACHE_SIZE, _SC_LEVEL3_CACHE_SIZE};
  const long usual[] = {0, 32L << 10, 1L << 20, 16L << 20};
  const long bytes = sysconf(names[level]);
  return bytes > 0 ? bytes : usual[level];
}

}  // namespace deftnn
