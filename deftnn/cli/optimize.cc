#include <memory>

#include "deftnn/cli/commands.h"
#include "deftnn/pipeline/choices.h"
#include "deftnn/pipeline/verbs.h"
#include "deftnn/report/text.h"

namespace deftnn::cli {
namespace {

void AddGoals(CLI::App& app, OptimizeOptions& options) {
  CLI::Option* drop =
      app.add_option("--max-drop", options.max_drop,
                     "Fastest network that loses at most this many points (default: 0.5)");
  CLI::Option* speedup =
      app.add_option("--speedup", options.speedup, "Least loss at this measured speed-up");
  CLI::Option* macs = app.add_option("--reduce-macs", options.reduce_macs,
                                     "Least loss at this many times fewer multiply-adds");
  drop->excludes(speedup)->excludes(macs)->check(CLI::Range(0.0, 100.0));
  speedup->excludes(macs)->check(CLI::Range(1.0, 1000.0));
  macs->check(CLI::Range(1.0, 1000.0));
}

void AddMethod(CLI::App& app, OptimizeOptions& options) {
  app.add_option("--criterion", options.criterion, "What tells a dispensable synapse vector")
      ->check(CLI::IsMember(CriterionNames()))
      ->capture_default_str();
  app.add_option("--compensation", options.compensation, "How the rest makes up for it")
      ->check(CLI::IsMember(CompensationNames()))
      ->capture_default_str();
  app.add_option("--group", options.group, "Entries of K that stay or go together")
      ->check(CLI::IsMember(GroupingNames()))
      ->capture_default_str();
  app.add_option("--allocation", options.allocation,
                 "Each layer's own kept fraction, by measured error, or one for all")
      ->check(CLI::IsMember({"measured", "uniform"}))
      ->capture_default_str();
  app.add_option("--format", options.format, "What tensors are kept in")
      ->check(CLI::IsMember({"auto", "fp32", "dfp16"}))
      ->capture_default_str();
  app.add_option("--calib-samples", options.calibration_samples, "Samples to take statistics of")
      ->check(CLI::Range(1, 1000000))
      ->capture_default_str();
  app.add_option("--calib-rows", options.calibration_rows,
                 "Output positions to look at in each layer, over all samples")
      ->check(CLI::Range(1, 100000000))
      ->capture_default_str();
}

}  // namespace

Command AddOptimize(CLI::App& program, CommonOptions& common) {
  CLI::App* app =
      program.add_subcommand("optimize", "Make a network faster within a loss that you allow");
  auto options = std::make_shared<OptimizeOptions>();
  app->add_option("model", options->model, "The trained network, .onnx or .deft")->required();
  app->add_option("-o,--output", options->output, "The file to write, .deft")->required();
  app->add_option("--calib", options->calibration,
                  "Data to choose on: .npz, .npy, IDX, CIFAR-10 binary or a folder a class")
      ->required();
  app->add_option("--eval", options->evaluation,
                  "Data for the reported drop: read once, at the end");
  AddGoals(*app, *options);
  CLI::Option* metric =
      app->add_option("--metric", options->metric, "Default: top1 with labels, agreement without")
          ->check(CLI::IsMember(MetricNames()));
  app->add_option("--metric-cmd", options->metric_command,
                  "Program that gets a folder of outputs as .npy and prints a number")
      ->excludes(metric);
  AddMethod(*app, *options);
  app->add_option("--fine-tune", options->fine_tune.data,
                  "Train the reduced network on this data, and go further for it");
  AddFineTuneFlags(*app, options->fine_tune);
  app->add_option("--rounds", options->fine_tune.rounds,
                  "Reduce and train so many times, each a share of the goal and of the epochs")
      ->check(CLI::Range(1, 100))
      ->capture_default_str();
  app->add_option("--costs", options->costs,
                  "What was measured: read when the file exists, written with what it lacks");
  app->add_option("--report", options->report, "Write an HTML report");
  app->add_option("--json", options->json, "Write the record as JSON");
  app->footer(
      "Examples:\n"
      "  deftnn optimize model.onnx -o fast.deft --calib train.npz --eval held_out.npz\n"
      "  deftnn optimize model.onnx -o fast.deft --calib pictures/ --preprocess p.json --speedup "
      "2\n"
      "  deftnn optimize model.onnx -o fast.deft --calib train.npz --reduce-macs 1.5 --report "
      "r.html\n"
      "  deftnn optimize model.onnx -o fast.deft --calib train.npz --fine-tune train.npz --epochs "
      "3 "
      "--distill\n"
      "  deftnn optimize model.onnx -o fast.deft --calib train.npz --fine-tune train.npz "
      "--reduce-macs 8 --rounds 2");
  AddCommonFlags(*app, common);
  return {app, [options, &common]() -> Status {
            options->common = common;
            DEFTNN_ASSIGN_OR_RETURN(const OptimizeRecord record, Optimize(*options));
            Print(common, ToText(record));
            return {};
          }};
}

}  // namespace deftnn::cli
