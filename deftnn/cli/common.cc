#include <cstdio>

#include "deftnn/cli/commands.h"

namespace deftnn::cli {
namespace {

// An empty name is a mistake, often a shell variable that is not set.
void RefuseEmptyTexts(CLI::App& command) {
  for (CLI::Option* option : command.get_options()) {
    if (option->get_type_name().rfind("TEXT", 0) != 0) continue;
    option->check(
        [](const std::string& text) { return text.empty() ? std::string("is empty") : ""; });
  }
}

}  // namespace

void AddCommonFlags(CLI::App& command, CommonOptions& common) {
  command.add_option("--seed", common.seed, "Seed of every random choice")->capture_default_str();
  command.add_option("--threads", common.threads, "Threads to run with (0: one a core)")
      ->check(CLI::Range(0, 1024));
  command.add_option("--batch", common.batch, "Batch size to measure with")
      ->check(CLI::Range(1, 65536))
      ->capture_default_str();
  command.add_option("--labels", common.labels, "Labels of the data, as IDX or .npy");
  command.add_option("--preprocess", common.preprocess,
                     "JSON with scale, mean, std, resize, crop, channel_order, layout");
  CLI::Option* quiet = command.add_flag("-q,--quiet", common.quiet, "Print errors only");
  command.add_flag("-v,--verbose", common.verbose, "Say more about what is done")->excludes(quiet);
  RefuseEmptyTexts(command);
}

void AddFormatFlag(CLI::App& command, std::string& format) {
  command.add_option("--format", format, "Format that an .onnx network runs in")
      ->check(CLI::IsMember({"fp32", "dfp16"}))
      ->capture_default_str();
}

void Print(const CommonOptions& common, const std::string& text) {
  if (!common.quiet) std::fputs(text.c_str(), stdout);
}

}  // namespace deftnn::cli
