// What this CPU can do, and the ISA that kernels are chosen for.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "deftnn/base/status.h"

namespace deftnn {

/// In rising order: each later x86 ISA implies the ones before it.
enum class Isa { kPortable = 0, kAvx2, kAvx512, kAvx512Bf16, kAmxBf16 };
inline constexpr int kIsaCount = 5;

/// "portable", "avx2", "avx512", "avx512_bf16", "amx_bf16".
std::string_view NameOf(Isa isa);
Result<Isa> ParseIsa(std::string_view name);

/// True when this CPU and its operating system run `isa` (AMX asks the kernel for permission once).
bool Supports(Isa isa);
/// The best supported ISA, or the one that DEFTNN_ISA names; an error when that name is unknown or
/// this CPU cannot run it.
Result<Isa> SelectedIsa();
/// Every supported ISA that is not above the selected one.
std::vector<Isa> UsableIsas();

/// The CPU's marketing name, as /proc/cpuinfo has it.
std::string CpuName();
int PhysicalThreads();
/// Bytes of the data cache at `level` (1, 2, 3) that a core sees; a usual value when unknown.
long CacheBytes(int level);

}  // namespace deftnn
