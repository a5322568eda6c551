// deftnn: the command line. Exit code 0, 1 (bad input) or 2 (bad usage).
#include <cstdio>
#include <exception>
#include <new>

#include "deftnn/base/log.h"
#include "deftnn/cli/commands.h"
#include "deftnn/pipeline/processes.h"
#include "deftnn/report/progress.h"

namespace deftnn::cli {
namespace {

constexpr char kAbout[] =
    "Makes trained networks faster: eliminates synapse vectors, keeps tensors in 16 bits, measures "
    "both.";
constexpr char kFooter[] =
    "Examples:\n"
    "  deftnn optimize model.onnx -o fast.deft --calib train.npz --eval held_out.npz --max-drop "
    "0.5\n"
    "  deftnn tune fast.deft -o better.deft --data train.npz --teacher model.onnx --epochs 5\n"
    "  deftnn bench fast.deft --against model.onnx --per-layer\n"
    "  deftnn eval fast.deft --data test.npz --metric agreement --reference model.onnx\n"
    "  deftnn run fast.deft --input image=x.npy --output outputs/\n"
    "  deftnn inspect fast.deft\n"
    "MODEL is .onnx or .deft everywhere. DEFTNN_ISA=avx2 (portable, avx2, avx512, avx512_bf16, "
    "amx_bf16)\n"
    "forces a lower instruction set. Exit code: 0, 1 (bad input), 2 (bad usage).";

std::string CommandLine(int argc, char** argv) {
  std::string line;
  for (int i = 0; i < argc; ++i) line += (i == 0 ? "" : " ") + std::string(argv[i]);
  return line;
}

int Main(int argc, char** argv) {
  CLI::App program(kAbout, "deftnn");
  program.footer(kFooter);
  program.set_version_flag("--version", "deftnn " DEFTNN_VERSION);
  program.require_subcommand(1);
  CommonOptions common;
  common.command = CommandLine(argc, argv);
  const Command commands[] = {AddOptimize(program, common), AddTune(program, common),
                              AddBench(program, common),    AddEval(program, common),
                              AddRun(program, common),      AddInspect(program, common)};
  try {
    program.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return program.exit(error) == 0 ? 0 : 2;
  }
  // Of a group of processes one speaks.
  common.quiet = common.quiet || !IsFirstProcess();
  InitLogging(common.quiet     ? LogLevel::kQuiet
              : common.verbose ? LogLevel::kVerbose
                               : LogLevel::kNormal);
  if (common.quiet) SetDefaultProgress({.style = ProgressOptions::Style::kQuiet});
  for (const Command& command : commands) {
    if (!command.app->parsed()) continue;
    const Status status = command.action();
    if (status.ok()) return 0;
    std::fprintf(stderr, "deftnn: error: %s\n", status.ToString().c_str());
    return 1;
  }
  return 2;
}

}  // namespace
}  // namespace deftnn::cli

int main(int argc, char** argv) {
  try {
    return deftnn::cli::Main(argc, argv);
  } catch (const std::bad_alloc&) {
    std::fprintf(stderr, "deftnn: error: out of memory (try: a smaller batch or fewer samples)\n");
  } catch (const std::exception& error) {
    std::fprintf(stderr, "deftnn: error: %s\n", error.what());
  }
  return 1;
}
