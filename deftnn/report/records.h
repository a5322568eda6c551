// What each verb found, as plain structs: the one source of the JSON, text and HTML reports.
//
// A double that is not known is kUnknown (NaN): null in JSON, "-" in text. Accuracies are in
// percent, drops in percentage points, times in milliseconds, sizes in bytes, rates in 1e9 a
// second.
#pragma once

#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <vector>

namespace deftnn {

inline constexpr double kUnknown = std::numeric_limits<double>::quiet_NaN();
/// Raised when a key is added; keys are never renamed.
inline constexpr int kReportSchemaVersion = 1;

/// One ceiling of the machine: a compute rate in GFLOP/s, or a memory rate in GB/s.
struct Roof {
  std::string name;  // "fp32 FMA", "bf16 dot", "L2", "DRAM"
  double rate = kUnknown;
};

struct DeviceRecord {
  std::string cpu;
  std::string isa;
  int threads = 1;
  std::vector<Roof> compute;  // measured, with `threads` threads
  std::vector<Roof> memory;
};

struct LatencyRecord {
  double median = kUnknown;
  double p90 = kUnknown;
  int64_t samples = 0;  // how many runs were timed
};

/// One network as a whole.
struct NetworkRecord {
  std::string format;  // "fp32", "dfp16"
  double accuracy = kUnknown;
  int64_t macs = 0;   // multiply-adds for one sample
  int64_t bytes = 0;  // of the weights and what they need in the file
  LatencyRecord latency_ms;
};

/// One technique alone, or both, against the baseline.
struct PartRecord {
  double speedup = kUnknown;
  double accuracy = kUnknown;
  double accuracy_drop_points = kUnknown;
  int64_t macs = 0;
  double latency_ms = kUnknown;
};

/// Where a layer stands under the roofs.
struct RooflineRecord {
  double flops = kUnknown;  // 2 x multiply-adds, one run
  double bytes = kUnknown;  // moved at least: inputs, weights, outputs, once each
  std::string bound;        // "compute" or "memory": which roof is lower at this intensity
  double bound_ms = kUnknown;
};

struct LayerRecord {
  std::string name;
  std::string op;
  std::string group;  // grouping along K: "channel", "pair", ...; empty when nothing was eliminated
  int64_t k = 0, k_kept = 0;
  int64_t outputs = 0, outputs_kept = 0;
  std::string weight_format, activation_format;
  int64_t macs = 0, macs_after = 0;
  double latency_ms = kUnknown, latency_ms_after = kUnknown;
  double relative_error = kUnknown;  // of the layer's outputs, as a share of their norm
  std::string reason;  // why the layer stays dense, or is cut no finer; empty when it was reduced
  std::optional<RooflineRecord> roofline, roofline_after;
};

/// What training did to a network.
struct FineTuneRecord {
  std::string data;
  std::string loss;                           // "labels", "teacher" or "labels and teacher"
  int64_t samples = 0, held_out_samples = 0;  // trained on; decided on
  int64_t rounds = 1;                         // of reducing and training
  double epochs = 0;                          // asked for, over all rounds
  int64_t steps = 0, best_step = 0;           // taken in all; kept in the last (0: untouched)
  int64_t parameters = 0;                     // that were trained
  int processes = 1;
  double loss_before = kUnknown, loss_after = kUnknown;  // held-out, a sample
  double elapsed_s = kUnknown;
};

struct OptimizeRecord {
  std::string model;
  std::string output;  // the file that was written
  DeviceRecord device;
  uint64_t seed = 0;
  std::string metric;
  NetworkRecord baseline;     // the same runtime, dense, fp32
  NetworkRecord optimized;    // what was written
  double speedup = kUnknown;  // the ratio of interleaved medians
  double accuracy_drop_points = kUnknown;
  double accuracy_drop_standard_error = kUnknown;
  std::optional<PartRecord> sve_only, ndf_only, both;
  std::vector<LayerRecord> layers;

  int64_t batch = 1;
  int64_t calibration_samples = 0;
  int64_t evaluation_samples = 0;  // seen by no choice
  std::string goal;                // "--max-drop 0.5"
  std::string criterion, compensation, group;
  std::optional<FineTuneRecord> fine_tune;
  std::string given_up;  // why the dense network was written instead; empty when it was not
  std::vector<std::string> warnings;
  std::string command;  // what reproduces the run
  double elapsed_s = kUnknown;
  int64_t peak_memory_bytes = 0;  // resident, of the whole process; 0: not known
};

struct TuneRecord {
  std::string model;
  std::string output;  // the file that was written
  std::string format;
  uint64_t seed = 0;
  std::string metric;
  double accuracy_before = kUnknown, accuracy_after = kUnknown;
  double accuracy_drop_points = kUnknown, accuracy_drop_standard_error = kUnknown;
  int64_t evaluation_samples = 0;
  bool seen = false;  // the evaluation samples decided which state was kept
  FineTuneRecord fine_tune;
  std::vector<std::string> warnings;
  std::string command;  // what reproduces the run
  double elapsed_s = kUnknown;
};

struct EvalRecord {
  std::string model;
  std::string format;
  std::string metric;
  double value = kUnknown;
  double standard_error = kUnknown;
  int64_t n = 0;
  std::string reference;  // the network compared with; empty when the labels were
};

struct BenchLatencyRecord {
  double min = kUnknown, median = kUnknown, mean = kUnknown, p90 = kUnknown, p99 = kUnknown;
};

struct BenchLayerRecord {
  std::string name;
  std::string op;
  std::string kernel;
  double latency_ms = kUnknown;
  double gflops = kUnknown;
  double share_of_bound = kUnknown;  // percent of what the roofs allow
};

/// One network's timing.
struct BenchSideRecord {
  std::string model;
  BenchLatencyRecord latency_ms;
  double throughput = kUnknown;  // samples a second
  int64_t batch = 1;
  int threads = 1;
  std::string format;
  int64_t samples = 0;  // timed runs
  std::vector<BenchLayerRecord> layers;
};

struct BenchRecord {
  DeviceRecord device;
  BenchSideRecord measured;
  std::optional<BenchSideRecord> against;
  /// against's median / this one's, interleaved: above 1 when this one is faster.
  double ratio = kUnknown;
};

struct ValueRecord {
  std::string name;
  std::string type;
  std::string shape;  // "Nx3x32x32"
};

struct InspectLayerRecord {
  std::string name;
  std::string op;
  std::string group;
  int64_t k = 0, k_kept = 0;
  int64_t outputs = 0;
  std::string weight_format, activation_format;
  int64_t macs = 0;
  int64_t bytes = 0;
};

struct InspectRecord {
  std::string model;
  std::string format;    // "onnx", "deft"
  int64_t opset = 0;     // of an .onnx; 0 where there is none
  std::string producer;  // what wrote the file: "pytorch 2.1.0"; empty when it does not say
  std::vector<std::pair<std::string, std::string>> settings;  // a .deft was made with: name, value
  std::vector<ValueRecord> inputs, outputs;
  int64_t nodes = 0;
  int64_t parameters = 0;
  int64_t bytes = 0;
  int64_t macs = 0;
  std::vector<std::pair<std::string, int64_t>> operators;  // name, how many
  std::vector<InspectLayerRecord> layers;                  // those with a matrix product
  std::vector<std::string> warnings;
};

}  // namespace deftnn
