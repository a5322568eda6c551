// GFLOP/s of the selected kernels on the layers of ResNet-50 and VGG-16 with 64 channels or more,
// an expansion of MobileNetV2, fully connected layers and layers of the demo, dense and with
// synapse vectors eliminated, beside each layer's bound (peak.h) and the share of it that was
// reached. One thread, its CPU time, the best run.
//
//   deftnn_kernel_bench --benchmark_filter='Gemm/vgg16.*dfp16'
//   DEFTNN_ISA=avx2 deftnn_kernel_bench --benchmark_filter=Gemm
#include <benchmark/benchmark.h>

#include <algorithm>
#include <string>
#include <vector>

#include "deftnn/base/clock.h"
#include "deftnn/base/rng.h"
#include "deftnn/base/tensor.h"
#include "deftnn/kernels/gemm/gemm.h"
#include "deftnn/kernels/peak/peak.h"

namespace deftnn::gemm {
namespace {

struct LayerShape {
  const char* network;
  int64_t height, channels, outputs, kernel, stride;  // height: of input and its width; 1 for FC
};

constexpr LayerShape kLayers[] = {
    {"resnet50", 56, 64, 64, 1, 1},     {"resnet50", 56, 64, 64, 3, 1},
    {"resnet50", 56, 64, 256, 1, 1},    {"resnet50", 56, 256, 64, 1, 1},
    {"resnet50", 56, 256, 128, 1, 1},   {"resnet50", 56, 128, 128, 3, 2},
    {"resnet50", 56, 256, 512, 1, 2},   {"resnet50", 28, 128, 128, 3, 1},
    {"resnet50", 28, 128, 512, 1, 1},   {"resnet50", 28, 512, 128, 1, 1},
    {"resnet50", 28, 512, 256, 1, 1},   {"resnet50", 28, 256, 256, 3, 2},
    {"resnet50", 28, 512, 1024, 1, 2},  {"resnet50", 14, 256, 256, 3, 1},
    {"resnet50", 14, 256, 1024, 1, 1},  {"resnet50", 14, 1024, 256, 1, 1},
    {"resnet50", 14, 1024, 512, 1, 1},  {"resnet50", 14, 512, 512, 3, 2},
    {"resnet50", 14, 1024, 2048, 1, 2}, {"resnet50", 7, 512, 512, 3, 1},
    {"resnet50", 7, 512, 2048, 1, 1},   {"resnet50", 7, 2048, 512, 1, 1},
    {"vgg16", 224, 64, 64, 3, 1},       {"vgg16", 112, 64, 128, 3, 1},
    {"vgg16", 112, 128, 128, 3, 1},     {"vgg16", 56, 128, 256, 3, 1},
    {"vgg16", 56, 256, 256, 3, 1},      {"vgg16", 28, 256, 512, 3, 1},
    {"vgg16", 28, 512, 512, 3, 1},      {"vgg16", 14, 512, 512, 3, 1},
    {"mobilenetv2", 112, 16, 96, 1, 1}, {"fc", 1, 4096, 4096, 1, 1},
    {"fc", 1, 25088, 4096, 1, 1},       {"fc", 1, 2048, 1000, 1, 1},
    {"demo", 28, 48, 48, 3, 1},         {"demo", 14, 48, 96, 3, 1},
    {"demo", 14, 96, 96, 3, 1},         {"demo", 14, 37, 90, 3, 1},
    {"demo", 7, 96, 192, 3, 1},         {"demo", 7, 192, 192, 3, 1},
    {"demo", 7, 71, 111, 3, 1},         {"fc", 1, 1728, 128, 1, 1},
};

const MachinePeaks& Peaks(Isa isa) {
  static const MachinePeaks peaks = MeasurePeaks(isa, 1);
  return peaks;
}

// `percent` of the groups of `group` neighbouring channels, at random.
GemmSpec MakeSpec(const LayerShape& layer, Format format, int percent, int group) {
  GemmSpec spec;
  spec.outputs = layer.outputs;
  spec.channels = layer.channels;
  spec.kernel_h = spec.kernel_w = layer.kernel;
  spec.stride_h = spec.stride_w = layer.stride;
  spec.pad_top = spec.pad_left = layer.kernel / 2;
  spec.format = format;
  spec.contiguous_pixels = true;
  spec.activation.kind = Activation::kRelu;
  std::vector<int64_t> starts;
  for (int64_t k = 0; k < spec.full_k(); k += group) starts.push_back(k);
  Rng rng(7);
  for (size_t i = starts.size(); i > 1; --i) {
    std::swap(starts[i - 1], starts[static_cast<size_t>(rng.Below(static_cast<int64_t>(i)))]);
  }
  starts.resize(std::max<size_t>(1, (starts.size() * percent + 50) / 100));
  std::sort(starts.begin(), starts.end());
  for (const int64_t k : starts) {
    for (int64_t j = k; j < std::min(k + group, spec.full_k()); ++j) spec.entries.push_back(j);
  }
  return spec;
}

void RunLayer(benchmark::State& state, const LayerShape& layer, Format format, int percent) {
  const auto isa = SelectedIsa();
  if (!isa.ok()) return state.SkipWithError(isa.status().ToString().c_str());
  GemmSpec spec = MakeSpec(layer, format, percent, 1);
  const Kernel& kernel = *Select(spec, *isa);
  // The group that costs nothing: a step's entries, or a row of a matrix tile.
  spec = MakeSpec(layer, format, percent, kernel.code.group * kernel.code.tile_steps);
  Rng rng(1);
  std::vector<float> weights(spec.outputs * spec.entries.size());
  for (float& weight : weights) weight = static_cast<float>(rng.Uniform() - 0.5);
  const std::vector<float> bias(spec.outputs, 0.1f);

  const int64_t pad = layer.kernel / 2;
  const int64_t out = (layer.height + 2 * pad - layer.kernel) / layer.stride + 1;
  const Layout x_layout =
      Layout::Dense(1, layer.height, layer.height, layer.channels, format, pad, pad, pad, pad);
  const Layout y_layout = Layout::Dense(1, out, out, layer.outputs, format, 1, 1, 1, 1);
  const BoundProduct bound = Bind(Pack(spec, weights, bias, kernel), x_layout, y_layout);
  const int bytes = BytesOf(format);
  const auto x = AllocateAligned((x_layout.extent() + kSlack) * bytes);
  const auto y = AllocateAligned((y_layout.extent() + kSlack) * bytes);
  if (format == Format::kFp32) {
    auto* values = reinterpret_cast<float*>(x.get());
    for (int64_t i = 0; i < x_layout.extent(); ++i) values[i] = static_cast<float>(i % 13) * 0.1f;
  } else {
    auto* codes = reinterpret_cast<uint16_t*>(x.get());
    for (int64_t i = 0; i < x_layout.extent(); ++i)
      codes[i] = static_cast<uint16_t>(0x3f00 + i % 13);
  }
  ThreadPool pool(1);
  double best = 1e9;
  for (auto _ : state) {
    const double start = ThreadSeconds();
    Run(bound, x.get() + x_layout.interior() * bytes, y.get() + y_layout.interior() * bytes,
        nullptr, pool);
    best = std::min(best, ThreadSeconds() - start);
  }
  const double macs =
      static_cast<double>(out * out * spec.outputs * static_cast<int64_t>(spec.entries.size()));
  const double limit = Peaks(*isa).BoundSeconds(
      macs, static_cast<double>(spec.outputs * static_cast<int64_t>(spec.entries.size()) * bytes),
      format);
  state.counters["best_us"] = best * 1e6;
  state.counters["GFLOPs"] = 2e-9 * macs / best;
  state.counters["bound"] = 2e-9 * macs / limit;
  state.counters["share%"] = 100 * limit / best;
  state.SetLabel(std::string(kernel.name));
}

[[maybe_unused]] const bool kRegistered = [] {
  for (const LayerShape& layer : kLayers) {
    for (const Format format : {Format::kFp32, Format::kDfp16}) {
      for (const int percent : {100, 50, 25}) {
        const std::string name = fmt::format(
            "Gemm/{}/{}x{}x{}-{}/k{}s{}/{}/kept{}", layer.network, layer.height, layer.height,
            layer.channels, layer.outputs, layer.kernel, layer.stride, NameOf(format), percent);
        benchmark::RegisterBenchmark(
            name.c_str(),
            [layer, format, percent](benchmark::State& s) { RunLayer(s, layer, format, percent); })
            ->Unit(benchmark::kMicrosecond)
            ->MinTime(0.05);
      }
    }
  }
  return true;
}();

}  // namespace
}  // namespace deftnn::gemm
