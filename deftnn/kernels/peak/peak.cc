#include "deftnn/kernels/peak/peak.h"

#include <algorithm>
#include <thread>
#include <vector>

#include "deftnn/base/clock.h"
#include "deftnn/base/tensor.h"
#include "deftnn/kernels/peak/loops.h"

namespace deftnn {

extern const PeakLoops kPeakPortable, kPeakAvx2, kPeakAvx512, kPeakAvx512Bf16, kPeakAmxBf16;

namespace {

const PeakLoops& LoopsOf(Isa isa) {
  switch (isa) {
    case Isa::kPortable:
      return kPeakPortable;
    case Isa::kAvx2:
      return kPeakAvx2;
    case Isa::kAvx512:
      return kPeakAvx512;
    case Isa::kAvx512Bf16:
      return kPeakAvx512Bf16;
    case Isa::kAmxBf16:
      return kPeakAmxBf16;
  }
  return kPeakPortable;
}

// Sum over `threads` threads of the best rate (units per second) of a few tries that run at once.
// function(worker) returns the units that one try did.
template <typename F>
double SumOfBestRates(int threads, int tries, const F& function) {
  std::vector<double> best(threads, 0);
  for (int i = 0; i < tries; ++i) {
    const auto measure = [&](int worker) {
      const double start = ThreadSeconds();
      const double units = function(worker);
      const double seconds = ThreadSeconds() - start;
      if (seconds > 0) best[worker] = std::max(best[worker], units / seconds);
    };
    std::vector<std::thread> others;
    for (int worker = 1; worker < threads; ++worker) others.emplace_back(measure, worker);
    measure(0);
    for (std::thread& other : others) other.join();
  }
  double sum = 0;
  for (const double rate : best) sum += rate;
  return sum;
}

double MeasureRead(const PeakLoops& loops, int threads, const std::byte* data, int64_t bytes_each,
                   int64_t bytes_a_try, int tries) {
  bytes_each = bytes_each / 512 * 512;
  const int64_t passes = std::max<int64_t>(1, bytes_a_try / bytes_each);
  const double rate = SumOfBestRates(threads, tries, [&](int worker) {
    const auto* part = reinterpret_cast<const uint8_t*>(data) + worker * bytes_each;
    for (int64_t pass = 0; pass < passes; ++pass) {
      volatile uint64_t seen = loops.read(part, bytes_each);
      (void)seen;
    }
    return static_cast<double>(passes * bytes_each);
  });
  return rate * 1e-9;
}

}  // namespace

double MachinePeaks::ReadGbps(int64_t bytes) const {
  for (size_t level = 0; level < cache_bytes.size(); ++level) {
    if (bytes <= cache_bytes[level] * threads) return read_gbps[level];
  }
  return read_gbps[3];
}

double MachinePeaks::BoundSeconds(double multiply_adds, double bytes, Format format) const {
  const double compute = 2 * multiply_adds / (gflops(format) * 1e9);
  return std::max(compute, bytes / (ReadGbps(static_cast<int64_t>(bytes)) * 1e9));
}

MachinePeaks MeasurePeaks(Isa isa, int threads) {
  DEFTNN_CHECK(Supports(isa) && threads >= 1);
  const PeakLoops& loops = LoopsOf(isa);
  // Threads beyond the machine's own add nothing to what it can do.
  const int workers =
      std::min(threads, std::max(1, static_cast<int>(std::thread::hardware_concurrency())));
  MachinePeaks peaks;
  peaks.isa = isa;
  peaks.threads = threads;
  constexpr int64_t kRounds = 100000;
  constexpr int kTries = 12;
  peaks.fp32_gflops =
      SumOfBestRates(workers, kTries, [&](int) { return loops.fp32(kRounds); }) * 1e-9;
  peaks.dfp16_gflops =
      loops.dfp16 == nullptr
          ? peaks.fp32_gflops
          : SumOfBestRates(workers, kTries, [&](int) { return loops.dfp16(kRounds); }) * 1e-9;
  // On some CPUs the dot instruction is the slower way.
  peaks.dfp16_gflops = std::max(peaks.dfp16_gflops, peaks.fp32_gflops);
  peaks.cache_bytes = {CacheBytes(1), CacheBytes(2), CacheBytes(3) / workers};
  // L3 is measured well beyond L2 and within a thread's share; memory beyond every cache. Where
  // threads are so many that a share would fit into a smaller cache, it is that cache's size.
  const int64_t l1_each = CacheBytes(1) / 2, l2_each = CacheBytes(2) / 2;
  const int64_t l3_each =
      std::max(l2_each, std::min<int64_t>(4 * CacheBytes(2), peaks.cache_bytes[2] / 2));
  const int64_t memory_each =
      std::max(l2_each, std::min<int64_t>(2 * CacheBytes(3), 64 << 20) / workers);
  const std::shared_ptr<std::byte> data =
      AllocateAligned(workers * std::max({l1_each, l2_each, l3_each, memory_each}));
  peaks.read_gbps[0] = MeasureRead(loops, workers, data.get(), l1_each, 2 << 20, kTries);
  peaks.read_gbps[1] = MeasureRead(loops, workers, data.get(), l2_each, 4 << 20, kTries);
  peaks.read_gbps[2] = MeasureRead(loops, workers, data.get(), l3_each, l3_each, kTries);
  peaks.read_gbps[3] = MeasureRead(loops, workers, data.get(), memory_each, memory_each, 3);
  return peaks;
}

}  // namespace deftnn
