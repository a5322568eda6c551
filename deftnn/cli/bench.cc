#include <memory>

#include "deftnn/cli/commands.h"
#include "deftnn/pipeline/verbs.h"
#include "deftnn/report/text.h"

namespace deftnn::cli {

Command AddBench(CLI::App& program, CommonOptions& common) {
  CLI::App* app = program.add_subcommand("bench", "Measure latency");
  auto options = std::make_shared<BenchOptions>();
  app->add_option("model", options->model, "The network, .onnx or .deft")->required();
  app->add_option("--against", options->against,
                  "Another network, measured in turns with the first");
  CLI::Option* duration = app->add_option("--duration", options->duration, "Seconds to measure for")
                              ->check(CLI::Range(0.01, 3600.0))
                              ->capture_default_str();
  app->add_option("--iterations", options->iterations, "Runs to measure, instead of seconds")
      ->check(CLI::Range(1, 100000000))
      ->excludes(duration);
  AddFormatFlag(*app, options->format);
  app->add_flag("--per-layer", options->per_layer,
                "Time of each layer, with its share of the machine's bound");
  app->add_flag("--all-kernels", options->all_kernels,
                "Every kernel that could run each layer; * marks the pick");
  app->add_option("--json", options->json, "Write the record as JSON");
  app->footer(
      "Examples:\n"
      "  deftnn bench model.onnx --format dfp16 --per-layer\n"
      "  deftnn bench fast.deft --against model.onnx --duration 5 --threads 1");
  AddCommonFlags(*app, common);
  return {app, [options, &common]() -> Status {
            options->common = common;
            DEFTNN_ASSIGN_OR_RETURN(const BenchRecord record, Bench(*options));
            Print(common, ToText(record));
            return {};
          }};
}

}  // namespace deftnn::cli
