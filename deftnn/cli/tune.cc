#include <memory>

#include "deftnn/cli/commands.h"
#include "deftnn/pipeline/choices.h"
#include "deftnn/pipeline/verbs.h"
#include "deftnn/report/text.h"

namespace deftnn::cli {

Command AddTune(CLI::App& program, CommonOptions& common) {
  CLI::App* app = program.add_subcommand("tune", "Train a network's weights, reduced or not");
  auto options = std::make_shared<TuneOptions>();
  app->add_option("model", options->model, "The network, .onnx or .deft")->required();
  app->add_option("-o,--output", options->output, "The file to write, .deft")->required();
  app->add_option("--data", options->fine_tune.data,
                  "Data to train on: .npz, .npy, IDX, CIFAR-10 binary or a folder a class")
      ->required();
  app->add_option("--teacher", options->fine_tune.teacher,
                  "Network to distil from: the original; needs no labels");
  AddFineTuneFlags(*app, options->fine_tune);
  app->add_option("--eval", options->evaluation, "Data for the reported change: read at the end");
  app->add_option("--metric", options->metric,
                  "Default: top1 with labels, agreement with the teacher without")
      ->check(CLI::IsMember(MetricNames()));
  app->add_option("--format", options->format,
                  "What weights are rounded to; auto: a .deft's own, fp32 for .onnx")
      ->check(CLI::IsMember({"auto", "fp32", "dfp16"}))
      ->capture_default_str();
  app->add_option("--json", options->json, "Write the record as JSON");
  app->footer(
      "Examples:\n"
      "  deftnn tune fast.deft -o better.deft --data train.npz --epochs 3\n"
      "  deftnn tune fast.deft -o better.deft --data unlabelled.npy --teacher model.onnx\n"
      "  torchrun --no-python --nproc-per-node 2 \\\n"
      "    deftnn tune fast.deft -o better.deft --data train.npz --teacher model.onnx");
  AddCommonFlags(*app, common);
  return {app, [options, &common]() -> Status {
            options->common = common;
            DEFTNN_ASSIGN_OR_RETURN(const TuneRecord record, Tune(*options));
            Print(common, ToText(record));
            return {};
          }};
}

}  // namespace deftnn::cli
