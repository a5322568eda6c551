// GB/s at which threads read memory: the bound of products whose weights exceed a cache. Wall time;
// all threads together.
//
//   deftnn_kernel_bench --benchmark_filter=Read
#include <benchmark/benchmark.h>
#include <sys/mman.h>

#include <cstdint>
#include <cstring>
#include <string>

namespace deftnn {
namespace {

constexpr int64_t kLine = 64;
constexpr int64_t kAhead = 4096;  // bytes

struct Way {
  const char* name;
  int streams;      // parts that are read in turns, a line of each
  bool prefetched;  // kAhead before the reading
  bool huge_pages;
};

constexpr Way kWays[] = {
    {"1-stream", 1, false, false},           {"4-streams", 4, false, false},
    {"8-streams", 8, false, false},          {"1-stream-prefetched", 1, true, false},
    {"1-stream-huge-pages", 1, false, true},
};
constexpr int64_t kMiB[] = {1, 8, 16, 32, 256};

/// Bytes of their own for each thread, written once so that each page exists.
struct Bytes {
  Bytes(int64_t count, bool huge_pages) : size(static_cast<size_t>(count)) {
    void* mapped = mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (mapped == MAP_FAILED) return;
    data = static_cast<uint8_t*>(mapped);
    madvise(data, size, huge_pages ? MADV_HUGEPAGE : MADV_NOHUGEPAGE);
    std::memset(data, 1, size);
  }
  ~Bytes() {
    if (data != nullptr) munmap(data, size);
  }
  Bytes(const Bytes&) = delete;
  Bytes& operator=(const Bytes&) = delete;

  uint8_t* data = nullptr;
  size_t size;
};

template <int kStreams, bool kPrefetched>
uint64_t ReadAll(const uint8_t* data, int64_t bytes) {
  typedef uint64_t V __attribute__((vector_size(16), may_alias));
  V seen = {};
  const int64_t part = bytes / kStreams / kLine * kLine;
  for (int64_t at = 0; at < part; at += kLine) {
#pragma GCC unroll 8
    for (int s = 0; s < kStreams; ++s) {
      const uint8_t* line = data + s * part + at;
      if (kPrefetched) __builtin_prefetch(line + kAhead);
      const V* words = reinterpret_cast<const V*>(line);
      seen |= words[0] | words[1] | words[2] | words[3];
    }
  }
  return seen[0] | seen[1];
}

void RunRead(benchmark::State& state, const Way& way, int64_t bytes) {
  const Bytes own(bytes, way.huge_pages);
  if (own.data == nullptr) return state.SkipWithError("no memory");
  const auto read = way.prefetched     ? ReadAll<1, true>
                    : way.streams == 8 ? ReadAll<8, false>
                    : way.streams == 4 ? ReadAll<4, false>
                                       : ReadAll<1, false>;
  for (auto _ : state) benchmark::DoNotOptimize(read(own.data, bytes));
  state.SetBytesProcessed(state.iterations() * bytes);
}

[[maybe_unused]] const bool kRegistered = [] {
  for (const int64_t mib : kMiB) {
    for (const Way& way : kWays) {
      const std::string name = "Read/" + std::to_string(mib) + "MiB-each/" + way.name;
      auto* registered = benchmark::RegisterBenchmark(
          name.c_str(), [way, mib](benchmark::State& s) { RunRead(s, way, mib << 20); });
      registered->UseRealTime()
          ->Unit(benchmark::kMillisecond)
          ->MinTime(0.1)
          ->Threads(1)
          ->Threads(2);
    }
  }
  return true;
}();

}  // namespace
}  // namespace deftnn
