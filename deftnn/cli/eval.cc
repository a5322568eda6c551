#include <memory>

#include "deftnn/cli/commands.h"
#include "deftnn/pipeline/choices.h"
#include "deftnn/pipeline/verbs.h"
#include "deftnn/report/text.h"

namespace deftnn::cli {

Command AddEval(CLI::App& program, CommonOptions& common) {
  CLI::App* app = program.add_subcommand("eval", "Score a network on data");
  auto options = std::make_shared<EvalOptions>();
  app->add_option("model", options->model, "The network, .onnx or .deft")->required();
  app->add_option("--data", options->data, ".npz, .npy, IDX, CIFAR-10 binary or a folder a class")
      ->required();
  CLI::Option* metric =
      app->add_option("--metric", options->metric, "Default: agreement with a reference, else top1")
          ->check(CLI::IsMember(MetricNames()));
  app->add_option("--metric-cmd", options->metric_command,
                  "Program that gets a folder of outputs as .npy and prints a number")
      ->excludes(metric);
  app->add_option("--reference", options->reference,
                  "Network to compare with (agreement, cosine, relative-l2)");
  AddFormatFlag(*app, options->format);
  app->add_option("--json", options->json, "Write the record as JSON");
  app->footer(
      "Examples:\n"
      "  deftnn eval model.onnx --data test.npz\n"
      "  deftnn eval fast.deft --data pictures/ --preprocess p.json --metric top5\n"
      "  deftnn eval fast.deft --data inputs.npz --metric cosine --reference model.onnx");
  AddCommonFlags(*app, common);
  return {app, [options, &common]() -> Status {
            options->common = common;
            DEFTNN_ASSIGN_OR_RETURN(const EvalRecord record, Evaluate(*options));
            Print(common, ToText(record));
            return {};
          }};
}

}  // namespace deftnn::cli
