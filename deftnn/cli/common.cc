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

void AddFineTuneFlags(CLI::App& command, FineTuneOptions& options) {
  command.add_option("--epochs", options.epochs, "Times that the data is gone through")
      ->check(CLI::Range(0.001, 100000.0))
      ->capture_default_str();
  command.add_flag("--distill", options.distill, "Learn from the original's outputs too");
  command
      .add_option("--label-weight", options.label_weight,
                  "Weight of the labels beside the original's outputs")
      ->check(CLI::Range(0.0, 1000.0));
  command.add_option("--temperature", options.temperature, "That softens both when distilling")
      ->check(CLI::Range(0.1, 100.0))
      ->capture_default_str();
  command.add_option("--optimizer", options.optimizer, "How a step is taken")
      ->check(CLI::IsMember({"adam", "sgd"}))
      ->capture_default_str();
  command.add_option("--lr", options.learning_rate, "Learning rate at its highest")
      ->check(CLI::Range(0.0, 100.0))
      ->capture_default_str();
  command.add_option("--weight-decay", options.weight_decay, "Decay of weights")
      ->check(CLI::Range(0.0, 10.0))
      ->capture_default_str();
  command.add_option("--tune-batch", options.batch, "Samples a step, over all processes")
      ->check(CLI::Range(1, 65536))
      ->capture_default_str();
  command.add_flag("--flip", options.flip, "Flip pictures left and right at random");
  command.add_option("--crop", options.crop, "Shift pictures by up to so many pixels at random")
      ->check(CLI::Range(0, 1024))
      ->capture_default_str();
  command
      .add_option("--held-out", options.held_out,
                  "Share of the data that decides which state is kept")
      ->check(CLI::Range(0.001, 0.9))
      ->capture_default_str();
  command
      .add_option("--patience", options.patience,
                  "Held-out checks without a better state before it ends")
      ->check(CLI::Range(1, 1000000))
      ->capture_default_str();
  command.add_option("--checkpoint", options.checkpoint,
                     "File to resume from after a kill (default: OUTPUT.checkpoint)");
  command.add_option("--checkpoint-steps", options.checkpoint_steps, "Steps between checkpoints")
      ->check(CLI::Range(1, 1000000000))
      ->capture_default_str();
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
