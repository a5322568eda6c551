// For the tests of this folder: made-up records that look like a real run's.
#pragma once

#include <algorithm>
#include <string>

#include "deftnn/report/records.h"

namespace deftnn {

inline RooflineRecord MadeUpRoofline(double macs, double bytes, double gflops, double gbytes) {
  RooflineRecord r;
  r.flops = 2 * macs;
  r.bytes = bytes;
  const double compute_ms = r.flops / gflops / 1e6, memory_ms = bytes / gbytes / 1e6;
  r.bound = compute_ms >= memory_ms ? "compute" : "memory";
  r.bound_ms = std::max(compute_ms, memory_ms);
  return r;
}

/// `layers` layers like VGG's; the last two are fully connected and bound by memory.
inline OptimizeRecord MadeUpOptimize(int layers = 9) {
  OptimizeRecord r;
  r.model = "models/fashion_vgg.onnx";
  r.output = "build/demo/fashion_vgg.deft";
  r.device = {"AMD EPYC 9R14",
              "avx512_bf16",
              2,
              {{"fp32 FMA", 231.0}, {"bf16 dot", 468.0}},
              {{"L2", 310.0}, {"DRAM", 28.4}}};
  r.seed = 1;
  r.metric = "top1";
  r.baseline = {"fp32", 92.71, 0, 0, {0, 0, 400}};
  r.optimized = {"dfp16", 92.34, 0, 0, {0, 0, 400}};
  r.accuracy_drop_points = 0.37;
  r.accuracy_drop_standard_error = 0.11;
  for (int i = 0; i < layers; ++i) {
    const bool dense = i == 0, fc = i >= layers - 2;
    LayerRecord l;
    l.name = fc ? "classifier." + std::to_string(i - layers + 2) + "/Gemm"
                : "features." + std::to_string(i) + "/Conv";
    l.op = fc ? "Gemm" : "Conv";
    const int width = 32 << std::min(i / 2, 3);
    l.k = dense ? 9 : fc ? 1152 : 9 * width;
    l.k_kept = dense ? 9 : l.k * (55 - 3 * (i % 7)) / 100;
    l.outputs = width * 2;
    l.outputs_kept = i == layers - 1 ? l.outputs : l.outputs * (60 + 4 * (i % 5)) / 100;
    l.group = dense ? "" : i % 2 == 0 ? "channel" : "pair";
    l.weight_format = l.activation_format = "dfp16";
    const double pixels = fc ? 1 : 784.0 / (1 << std::min(i, 4));
    l.macs = static_cast<int64_t>(static_cast<double>(l.k * l.outputs) * pixels);
    l.macs_after = static_cast<int64_t>(static_cast<double>(l.k_kept * l.outputs_kept) * pixels);
    const auto bytes = [&](int64_t k, int64_t outputs, double size) {
      return size * (static_cast<double>(k * outputs) + pixels * static_cast<double>(k) / 9 +
                     pixels * static_cast<double>(outputs));
    };
    const double rate = fc ? 28.4 : 310;
    l.roofline = MadeUpRoofline(static_cast<double>(l.macs), bytes(l.k, l.outputs, 4), 231, rate);
    l.roofline_after = MadeUpRoofline(static_cast<double>(l.macs_after),
                                      bytes(l.k_kept, l.outputs_kept, 2), 468, rate);
    l.latency_ms = l.roofline->bound_ms * (1.12 + 0.05 * (i % 4));
    l.latency_ms_after = l.roofline_after->bound_ms * (1.2 + 0.07 * (i % 3));
    if (dense) l.reason = "9 inputs a product: eliminating would not get it faster on this machine";
    l.relative_error = dense ? 0.0 : 0.021 + 0.008 * (i % 5);
    r.baseline.macs += l.macs;
    r.optimized.macs += l.macs_after;
    r.baseline.bytes += 4 * l.k * l.outputs;
    r.optimized.bytes += 2 * l.k_kept * l.outputs_kept;
    r.baseline.latency_ms.median += l.latency_ms;
    r.optimized.latency_ms.median += l.latency_ms_after;
    r.layers.push_back(l);
  }
  r.baseline.latency_ms.p90 = 1.06 * r.baseline.latency_ms.median;
  r.optimized.latency_ms.p90 = 1.09 * r.optimized.latency_ms.median;
  r.speedup = r.baseline.latency_ms.median / r.optimized.latency_ms.median;
  r.sve_only = {2.61, 92.39, 0.32, r.optimized.macs, r.baseline.latency_ms.median / 2.61};
  r.ndf_only = {1.83, 92.68, 0.03, r.baseline.macs, r.baseline.latency_ms.median / 1.83};
  r.both = {r.speedup, 92.34, 0.37, r.optimized.macs, r.optimized.latency_ms.median};
  r.calibration_samples = 4096;
  r.evaluation_samples = 10000;
  r.goal = "--max-drop 0.5";
  r.criterion = "obs";
  r.compensation = "least-squares";
  r.group = "auto";
  r.warnings = {"the machine was busy: the baseline's p90 is 6 % above its median"};
  r.command =
      "deftnn optimize models/fashion_vgg.onnx -o build/demo/fashion_vgg.deft "
      "--calib train-images-idx3-ubyte.gz --eval t10k-images-idx3-ubyte.gz --max-drop 0.5 --seed 1 "
      "--threads 2 --report build/demo/report.html --json build/demo/report.json";
  r.elapsed_s = 48.2;
  r.peak_memory_bytes = 412'000'000;
  return r;
}

inline BenchRecord MadeUpBench() {
  BenchRecord r;
  r.device = {"AMD EPYC 9R14", "avx512_bf16", 2, {{"bf16 dot", 468.0}}, {{"DRAM", 28.4}}};
  r.measured = {"a.deft",
                {1.0, 1.2, 1.25, 1.4, 1.9},
                833.3,
                1,
                2,
                "dfp16",
                500,
                {{"conv1", "Conv", "gemm/avx512_bf16", 0.7, 311.0, 81.0},
                 {"fc", "Gemm", "gemm/avx512_bf16", 0.5, 20.1, kUnknown}}};
  r.against = r.measured;
  r.against->model = "a.onnx";
  r.ratio = 2.5;
  return r;
}

}  // namespace deftnn
