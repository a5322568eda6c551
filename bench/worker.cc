// DeftNN as one competitor of `make bench`: a process that loads one network and then runs it in
// groups when told to, so that competitors can be measured in turns. The protocol is that of
// bench/peers/protocol.py:
//
//   -> {"ready": true, "peer": "deftnn", ...}             after the first output
//   <- run SECONDS      -> {"samples_ms": [...], "cpu_s": ..., "wall_s": ...}
//   <- peaks            -> {"isa": ..., "fp32_gflops": ..., "dfp16_gflops": ..., ...}
//   <- quit, or the end of the input
//
// An error is one line {"error": "..."} and exit code 1.
#include <sys/resource.h>

#include <CLI/CLI.hpp>
#include <chrono>
#include <cmath>
#include <fstream>
#include <iostream>
#include <nlohmann/json.hpp>

#include "bench/random_cut.h"
#include "deftnn/kernels/peak/peak.h"
#include "deftnn/ndf/apply_format.h"
#include "deftnn/pipeline/feed.h"
#include "deftnn/pipeline/layers.h"
#include "deftnn/pipeline/load_model.h"
#include "deftnn/pipeline/write_package.h"

namespace deftnn {
namespace {

using Json = nlohmann::ordered_json;
using Clock = std::chrono::steady_clock;  // CLOCK_MONOTONIC, as Python's time.monotonic()

struct WorkerOptions {
  std::string model;
  std::string format = "fp32";
  int threads = 2;
  int64_t batch = 1;
  double keep = 1.0;              // of K, in every layer but the first
  std::string group = "synapse";  // that is kept or cut together
  std::string write;              // write the network there as .deft, and end
  bool cold = false;              // empty the caches before each run
};

double Now() { return std::chrono::duration<double>(Clock::now().time_since_epoch()).count(); }

double CpuSeconds() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](const timeval& t) {
    return static_cast<double>(t.tv_sec) + 1e-6 * static_cast<double>(t.tv_usec);
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

// The most memory that this process ever had, in KiB.
int64_t PeakKib() {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);) {
    if (line.rfind("VmHWM:", 0) == 0) return std::stoll(line.substr(6));
  }
  return 0;
}

// Reads more than any last-level cache holds, so that nothing of the network stays in it. It does
// not write: lines that have to go back to memory first would slow the reads of what is measured.
class CacheSweep {
 public:
  explicit CacheSweep(bool wanted) : lines_(wanted ? 256 << 20 : 0, 1) {}
  void operator()() {
    for (size_t i = 0; i < lines_.size(); i += 64) sum_ = sum_ + lines_[i];
  }

 private:
  std::vector<unsigned char> lines_;
  volatile unsigned sum_ = 0;
};

Result<LoadedModel> Load(const WorkerOptions& options) {
  DEFTNN_ASSIGN_OR_RETURN(const Format format, ParseFormat(options.format));
  if (options.keep >= 1.0) return LoadModel(options.model, format);
  DEFTNN_ASSIGN_OR_RETURN(LoadedModel model, LoadModel(options.model));
  if (model.is_package) return Error("--keep cuts an .onnx").WithFile(options.model);
  DEFTNN_ASSIGN_OR_RETURN(model.graph, CutAtRandom(model.graph, options.keep, options.group));
  DEFTNN_ASSIGN_OR_RETURN(model.graph, ApplyFormat(model.graph, format));
  return model;
}

Result<Json> RunGroup(Session& session, const std::vector<Tensor>& inputs, double seconds,
                      CacheSweep& sweep) {
  std::vector<double> samples;
  const double cpu = CpuSeconds();
  const double begin = Now();
  do {
    sweep();
    const double start = Now();
    const auto outputs = session.Run(inputs);
    samples.push_back(std::round((Now() - start) * 1e8) / 1e5);
    if (!outputs.ok()) return outputs.status();
  } while (Now() - begin < seconds);
  return Json{{"samples_ms", samples}, {"cpu_s", CpuSeconds() - cpu}, {"wall_s", Now() - begin}};
}

Json Peaks(const Session& session) {
  const MachinePeaks peaks = MeasurePeaks(session.isa(), session.threads());
  return Json{{"cpu", CpuName()},
              {"isa", NameOf(peaks.isa)},
              {"threads", peaks.threads},
              {"fp32_gflops", peaks.fp32_gflops},
              {"dfp16_gflops", peaks.dfp16_gflops},
              {"read_gbps", peaks.read_gbps},
              {"cache_bytes", peaks.cache_bytes}};
}

void Answer(const Json& json) { std::cout << json.dump() << std::endl; }

Status Serve(const WorkerOptions& options, double started) {
  DEFTNN_ASSIGN_OR_RETURN(const LoadedModel model, Load(options));
  if (!options.write.empty()) {
    DEFTNN_ASSIGN_OR_RETURN(const Isa isa, SelectedIsa());
    return WriteOptimized(options.write, model.graph, OptimizeRecord{}, isa);
  }
  DEFTNN_ASSIGN_OR_RETURN(const auto session, OpenSession(model, options.threads));
  const std::vector<Tensor> inputs = RandomInputs(model.graph, options.batch, 1);
  const auto first = session->Run(inputs);
  const double first_output = Now();
  if (!first.ok()) return first.status().WithFile(options.model);
  DEFTNN_ASSIGN_OR_RETURN(
      const std::vector<ValueInfo> infos,
      InferShapes(model.graph, DefaultInputs(model.graph, BatchFor(model.graph, options.batch))));
  Answer({{"ready", true},
          {"peer", "deftnn"},
          {"version", DEFTNN_VERSION},
          {"format", NameOf(FormatsOf(model.graph))},
          {"batch", BatchFor(model.graph, options.batch)},
          {"imported_at", started},
          {"first_output_at", first_output},
          {"peak_kib", PeakKib()},
          {"macs", NetworkMacs(model.graph, infos)}});
  CacheSweep sweep(options.cold);
  for (std::string line; std::getline(std::cin, line) && line != "quit";) {
    if (line == "peaks") {
      Answer(Peaks(*session));
    } else if (line.rfind("run ", 0) == 0) {
      DEFTNN_ASSIGN_OR_RETURN(
          const Json group,
          RunGroup(*session, inputs, std::strtod(line.c_str() + 4, nullptr), sweep));
      Answer(group);
    } else {
      return Error("unknown command '{}'", line);
    }
  }
  return {};
}

}  // namespace
}  // namespace deftnn

int main(int argc, char** argv) {
  const double started = deftnn::Now();
  deftnn::WorkerOptions options;
  CLI::App app("A DeftNN worker of `make bench`: see bench/peers/protocol.py");
  app.add_option("model", options.model, "The network, .onnx or .deft")->required();
  app.add_option("--format", options.format, "fp32 or dfp16; a .deft keeps its own");
  app.add_option("--threads", options.threads)->check(CLI::Range(1, 1024));
  app.add_option("--batch", options.batch)->check(CLI::Range(1, 1 << 20));
  app.add_option("--keep", options.keep, "Share of K that stays, in every layer but the first")
      ->check(CLI::Range(0.0, 1.0));
  app.add_option("--group", options.group, "Grouping of --keep");
  app.add_option("--write", options.write, "Write the network as .deft, and end");
  app.add_flag("--cold", options.cold, "Empty the caches before each run");
  CLI11_PARSE(app, argc, argv);
  const deftnn::Status status = deftnn::Serve(options, started);
  if (status.ok()) return 0;
  deftnn::Answer({{"error", status.ToString()}});
  return 1;
}
