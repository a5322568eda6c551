#include <memory>

#include "deftnn/cli/commands.h"
#include "deftnn/pipeline/verbs.h"
#include "deftnn/report/text.h"

namespace deftnn::cli {

Command AddInspect(CLI::App& program, CommonOptions& common) {
  CLI::App* app = program.add_subcommand("inspect", "Describe a network");
  auto options = std::make_shared<InspectOptions>();
  app->add_option("model", options->model, "The network, .onnx or .deft")->required();
  app->add_option("--json", options->json, "Write the record as JSON");
  app->footer("Example:\n  deftnn inspect fast.deft");
  AddCommonFlags(*app, common);
  return {app, [options, &common]() -> Status {
            options->common = common;
            DEFTNN_ASSIGN_OR_RETURN(const InspectRecord record, Inspect(*options));
            Print(common, ToText(record));
            return {};
          }};
}

}  // namespace deftnn::cli
