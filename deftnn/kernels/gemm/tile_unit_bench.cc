// Nanoseconds of what a product on the AMX tile unit is made of, each part alone: docs/kernels.md,
// "Matrix tiles". One thread; the least of many groups of a hundred, as a shared core's tile unit
// runs at a half or a quarter of its speed at times: `median_ns` beside `least_ns` shows that.
//
//   deftnn_kernel_bench --benchmark_filter=TileUnit
#include <benchmark/benchmark.h>
#include <immintrin.h>

#include <algorithm>
#include <chrono>
#include <string>
#include <vector>

#include "deftnn/base/cpu.h"
#include "deftnn/base/memory.h"
#include "deftnn/kernels/amx_tiles-inl.h"

namespace deftnn::gemm {
namespace {

constexpr int kRows = 14;                          // pixels of a strip
constexpr int64_t kTile = int64_t{kRows} * 64;     // bytes of an input tile
constexpr int64_t kWeights = int64_t{16} * 64;     // of a weight tile
constexpr int64_t kTurn = 2 * (kTile + kWeights);  // of what four products read
constexpr int kGroup = 100;                        // turns that are timed together
constexpr int kOutputs = 32;

/// part(turn) is what is measured; `turn` counts on.
template <class Part>
void Measure(benchmark::State& state, const Part& part) {
  using Clock = std::chrono::steady_clock;
  std::vector<double> groups;
  int64_t turn = 0;
  for (auto _ : state) {
    const auto start = Clock::now();
    for (int i = 0; i < kGroup; ++i) part(turn++);
    groups.push_back(std::chrono::duration<double, std::nano>(Clock::now() - start).count() /
                     kGroup);
  }
  std::sort(groups.begin(), groups.end());
  state.counters["least_ns"] = groups.front();
  state.counters["median_ns"] = groups[groups.size() / 2];
}

HardwareTiles Configured() {
  HardwareTiles tiles;
  tiles.Configure(kRows, 16);
  return tiles;
}

void FourProducts(HardwareTiles& tiles) {
  tiles.Multiply<0, 4, 6>();
  tiles.Multiply<1, 4, 7>();
  tiles.Multiply<2, 5, 6>();
  tiles.Multiply<3, 5, 7>();
}

void LoadFour(HardwareTiles& tiles, const std::byte* from) {
  tiles.Load<4>(from, 64);
  tiles.Load<5>(from + kTile, 64);
  tiles.Load<6>(from + 2 * kTile, 64);
  tiles.Load<7>(from + 2 * kTile + kWeights, 64);
}

void StoreFour(HardwareTiles& tiles, std::byte* to) {
  tiles.Store<0>(to, 4 * kOutputs);
  tiles.Store<1>(to + 64, 4 * kOutputs);
  tiles.Store<2>(to + kRows * 4 * kOutputs, 4 * kOutputs);
  tiles.Store<3>(to + kRows * 4 * kOutputs + 64, 4 * kOutputs);
}

void Products(benchmark::State& state) {
  HardwareTiles tiles = Configured();
  const auto data = AllocateAligned(kTurn);
  LoadFour(tiles, data.get());
  Measure(state, [&](int64_t) { FourProducts(tiles); });
}

/// Four loads for four products, of `bytes` that are read over and over.
void LoadsAndProducts(benchmark::State& state, int64_t bytes) {
  HardwareTiles tiles = Configured();
  const int64_t turns = std::max<int64_t>(1, bytes / kTurn);
  const auto data = AllocateAligned(turns * kTurn);
  Measure(state, [&](int64_t turn) {
    LoadFour(tiles, data.get() + turn % turns * kTurn);
    FourProducts(tiles);
  });
}

void Stores(benchmark::State& state) {
  HardwareTiles tiles = Configured();
  const auto sums = AllocateAligned(2 * kRows * 4 * kOutputs);
  Measure(state, [&](int64_t) { StoreFour(tiles, sums.get()); });
}

void Configurations(benchmark::State& state) {
  HardwareTiles tiles;
  Measure(state, [&](int64_t turn) { tiles.Configure(turn % 2 == 0 ? 14 : 16, 16); });
}

/// Sums of 2 x kRows pixels by kOutputs: clamped, rounded, and stored to `bytes` of output.
__attribute__((target("avx512f,avx512bw,avx512bf16"))) void RoundRows(const float* sums,
                                                                      std::byte* to) {
  constexpr __mmask16 kAll = 0xffff;  // without a mask GCC 12 warns about its own header
  const __m512 low = _mm512_setzero_ps();
  for (int row = 0; row < 2 * kRows; ++row, sums += kOutputs, to += 2 * kOutputs) {
    const __m512 a = _mm512_maskz_max_ps(kAll, low, _mm512_load_ps(sums));
    const __m512 b = _mm512_maskz_max_ps(kAll, low, _mm512_load_ps(sums + 16));
    _mm512_storeu_si512(to, reinterpret_cast<__m512i>(_mm512_cvtne2ps_pbh(b, a)));
  }
}

void Rounding(benchmark::State& state, int64_t bytes) {
  constexpr int64_t kOut = int64_t{2} * kRows * 2 * kOutputs;
  const int64_t turns = std::max<int64_t>(1, bytes / kOut);
  const auto sums = AllocateAligned(2 * kRows * 4 * kOutputs);
  const auto out = AllocateAligned(turns * kOut);
  Measure(state, [&](int64_t turn) {
    RoundRows(reinterpret_cast<const float*>(sums.get()), out.get() + turn % turns * kOut);
  });
}

/// A chunk of 32 entries of kRows pixels copied together from `sources` vectors each.
__attribute__((target("avx512f,avx512bw"))) void CopyRows(const std::byte* from, std::byte* to,
                                                          int sources) {
  const __m512i index = _mm512_set1_epi16(3);
  for (int row = 0; row < kRows; ++row, from += 128, to += 64) {
    __m512i words = _mm512_setzero_si512();
    for (int s = 0; s < sources; ++s) {
      words = _mm512_mask_permutexvar_epi16(words, __mmask32{0xff} << (8 * s), index,
                                            _mm512_loadu_si512(from + 66 * s));
    }
    _mm512_store_si512(to, words);
  }
}

void Copies(benchmark::State& state, int sources) {
  const auto from = AllocateAligned(kRows * 128 + 512), to = AllocateAligned(kRows * 64);
  Measure(state, [&](int64_t) {
    CopyRows(from.get(), to.get(), sources);
    benchmark::ClobberMemory();
  });
}

[[maybe_unused]] const bool kRegistered = [] {
  if (!Supports(Isa::kAmxBf16)) return false;
  const auto add = [](const std::string& name, auto function) {
    benchmark::RegisterBenchmark(("TileUnit/" + name).c_str(), function)
        ->Unit(benchmark::kMicrosecond)
        ->MinTime(0.2);
  };
  const int64_t l2 = CacheBytes(2);
  add("products", Products);
  add("loads-and-products/L1", [](benchmark::State& s) { LoadsAndProducts(s, 16 << 10); });
  add("loads-and-products/L2", [l2](benchmark::State& s) { LoadsAndProducts(s, l2 / 2); });
  add("stores", Stores);
  add("rounding/L1", [](benchmark::State& s) { Rounding(s, 8 << 10); });
  add("rounding/beyond-L2", [l2](benchmark::State& s) { Rounding(s, 4 * l2); });
  add("configurations", Configurations);
  for (const int sources : {1, 2, 4}) {
    add("copied-chunk/" + std::to_string(sources) + "-sources",
        [sources](benchmark::State& s) { Copies(s, sources); });
  }
  return true;
}();

}  // namespace
}  // namespace deftnn::gemm
