// What each verb is asked to do: the fields are the command line's, and the C++ API's.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace deftnn {

struct CommonOptions {
  uint64_t seed = 1;
  int threads = 0;         // 0: one a core
  int64_t batch = 1;       // of the measured network
  std::string labels;      // a file of labels beside the data; "" when the data carries them
  std::string preprocess;  // a JSON file; "" for none
  bool quiet = false, verbose = false;
  std::string command;  // how to do this again; the report quotes it
};

/// How `tune` and `optimize --fine-tune` train.
struct FineTuneOptions {
  std::string data;
  std::string teacher;  // a network to distil from; of `optimize` the original
  bool distill = false;
  double epochs = 1;
  int64_t batch = 64;  // samples a step
  std::string optimizer = "adam";
  double learning_rate = 1e-4;
  double weight_decay = 0;
  std::optional<double> label_weight;  // of the labels beside a teacher
  double temperature = 2;
  bool flip = false;
  int64_t crop = 0;
  double held_out = 0.1;  // share of the data that decides which state is kept
  int64_t patience = 50;
  std::string checkpoint;  // "": the output's name and ".checkpoint"
  int64_t checkpoint_steps = 200;
  int64_t rounds = 1;  // of `optimize`: reduces and trains so many times, a share each
};

struct OptimizeOptions {
  CommonOptions common;
  std::string model, output, calibration, evaluation;
  // At most one goal; with none, a drop of 0.5 points.
  std::optional<double> max_drop, speedup, reduce_macs;
  std::string metric;  // "": top1 where the data has labels, else agreement
  std::string metric_command;
  std::string criterion = "obs";
  std::string compensation = "least-squares";
  std::string group = "auto";
  std::string allocation = "measured";
  std::string format = "auto";
  std::string costs, report, json;
  int64_t calibration_samples = 4096;
  int64_t calibration_rows = 65536;  // of each layer, at most; fewer where the network is large
  FineTuneOptions fine_tune;         // nothing is tuned where it names no data
};

struct TuneOptions {
  CommonOptions common;
  std::string model, output, evaluation;
  FineTuneOptions fine_tune;
  std::string metric;           // as OptimizeOptions
  std::string format = "auto";  // that of a .deft, fp32 of an .onnx
  std::string json;
};

struct BenchOptions {
  CommonOptions common;
  std::string model, against;
  double duration = 2.0;   // seconds
  int64_t iterations = 0;  // instead of the duration when > 0
  std::string format = "fp32";
  bool per_layer = false, all_kernels = false;
  std::string json;
};

struct EvalOptions {
  CommonOptions common;
  std::string model, data, metric, metric_command, reference, json;
  std::string format = "fp32";
};

struct RunOptions {
  CommonOptions common;
  std::string model, output;
  std::vector<std::string>
      inputs;  // "NAME=file.npy", or "file.npy" where the network has one input
  std::string format = "fp32";
};

struct InspectOptions {
  CommonOptions common;
  std::string model, json;
};

}  // namespace deftnn
