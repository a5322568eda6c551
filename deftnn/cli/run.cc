#include <memory>

#include "deftnn/cli/commands.h"
#include "deftnn/pipeline/verbs.h"

namespace deftnn::cli {

Command AddRun(CLI::App& program, CommonOptions& common) {
  CLI::App* app = program.add_subcommand("run", "Run a network once on .npy inputs");
  auto options = std::make_shared<RunOptions>();
  app->add_option("model", options->model, "The network, .onnx or .deft")->required();
  app->add_option("--input", options->inputs,
                  "NAME=x.npy, once an input; the name may be left out where there is one")
      ->allow_extra_args(false)
      ->required();
  app->add_option("--output", options->output, "Folder for <output name>.npy")->required();
  AddFormatFlag(*app, options->format);
  app->footer("Example:\n  deftnn run model.onnx --input image=x.npy --output outputs/");
  AddCommonFlags(*app, common);
  return {app, [options, &common]() -> Status {
            options->common = common;
            return RunModel(*options);
          }};
}

}  // namespace deftnn::cli
