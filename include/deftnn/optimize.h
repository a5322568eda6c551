// Making a network faster: synapse vector elimination (SVE) and 16-bit tensors (NDF).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "deftnn/expected.h"

namespace deftnn::v1 {

/// The options of `deftnn optimize`, under the same names and with the same defaults.
struct OptimizeOptions {
  std::string model;        // .onnx or .deft; required
  std::string output;       // the .deft to write; required
  std::string calibration;  // .npz, .npy, IDX, CIFAR-10 binary or a folder a class; required
  std::string evaluation;   // data for the reported accuracy; "": a part of the calibration data
  std::string labels;       // a file of labels beside the data; "" when the data carries them
  std::string preprocess;   // a JSON file; "" for none

  // At most one goal; with none, max_drop is 0.5.
  std::optional<double> max_drop;  // the fastest network that loses at most so many points, 0-100
  std::optional<double> speedup;   // the least loss at this measured speedup, 1-1000
  std::optional<double> reduce_macs;  // the least loss at so many times fewer multiply-adds, 1-1000

  std::string metric;                          // "": top1 where there are labels, else agreement
  std::string metric_command;                  // a program that scores the outputs; "" for none
  std::string criterion = "obs";               // what tells a dispensable synapse vector
  std::string compensation = "least-squares";  // how the rest makes up for it
  std::string group = "auto";                  // entries of K that stay or go together
  std::string allocation = "measured";         // by each layer's error; "uniform": one for all
  std::string format = "auto";                 // "fp32", "dfp16"; "auto": dfp16 where it is faster

  // Training of the reduced network (needs libdeftnn_tune.so); none where fine_tune is "".
  std::string fine_tune;  // data to train on
  double epochs = 1;      // times that it is gone through
  bool distill = false;   // learn from the given network's outputs; needs no labels
  double learning_rate = 1e-4;
  bool flip = false;      // flip pictures left and right at random
  std::int64_t crop = 0;  // shift pictures by up to so many pixels at random
  int rounds = 1;         // of reducing and training, a share of goal and epochs each, 1-100; more
                          // than one with speedup or reduce_macs

  std::string costs;        // a file of measured times, read and written; "" for none
  std::string html_report;  // written when not ""
  std::string json_report;  // written when not ""

  std::int64_t calibration_samples = 4096;
  /// Output positions to look at in each layer, over all samples, at most.
  std::int64_t calibration_rows = 65536;
  std::int64_t batch = 1;  // of the measured network
  int threads = 0;         // 0: one a core; at most 1024
  std::uint64_t seed = 1;
};

/// NaN where a number is not known. "Before" is the given network, dense, in fp32, in this runtime.
struct OptimizeResult {
  std::string output;  // the file that was written
  std::string metric;
  std::string format;            // of the network that was written
  double speedup = 0;            // ratio of the medians of interleaved runs, before / after
  double latency_before_ms = 0;  // median of one run, milliseconds
  double latency_after_ms = 0;
  double accuracy_before = 0;  // the metric, in percent where it is a share
  double accuracy_after = 0;
  double accuracy_drop = 0;        // percentage points, on samples that no choice has seen
  double accuracy_drop_error = 0;  // its standard error, percentage points
  std::int64_t macs_before = 0;    // multiply-adds for one sample
  std::int64_t macs_after = 0;
  std::int64_t bytes_before = 0;  // of the weights
  std::int64_t bytes_after = 0;
  std::string given_up;  // why the dense network was written; "" when it was not
  std::vector<std::string> warnings;
  std::string json;  // everything, per layer too: what `--json` writes
};

/// Makes a network faster within the goal and writes it. Takes seconds to hours, uses all
/// `threads`, and measures time: leave the machine alone meanwhile. Safe from several threads at
/// once when they write different files, though their timings then disturb each other. Progress and
/// warnings go to stderr.
/// Errors: files that cannot be read or written (said before any work), data that does not fit the
/// network's inputs, names and ranges that do not exist.
Expected<OptimizeResult> Optimize(const OptimizeOptions& options);

}  // namespace deftnn::v1
