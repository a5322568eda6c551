// One function a verb: adds its flags to the program and, once they are parsed, carries it out.
#pragma once

#include <CLI/CLI.hpp>
#include <functional>

#include "deftnn/base/status.h"
#include "deftnn/pipeline/options.h"

namespace deftnn::cli {

/// What to do when the verb was the one that was typed.
using Action = std::function<Status()>;

struct Command {
  CLI::App* app;
  Action action;
};

Command AddOptimize(CLI::App& program, CommonOptions& common);
Command AddTune(CLI::App& program, CommonOptions& common);
Command AddBench(CLI::App& program, CommonOptions& common);
Command AddEval(CLI::App& program, CommonOptions& common);
Command AddRun(CLI::App& program, CommonOptions& common);
Command AddInspect(CLI::App& program, CommonOptions& common);

/// Flags that every verb takes; called after the verb's own, whose texts must not be empty.
void AddCommonFlags(CLI::App& command, CommonOptions& common);
/// How networks are trained, for the verbs that do.
void AddFineTuneFlags(CLI::App& command, FineTuneOptions& options);
/// The format that an .onnx network runs in.
void AddFormatFlag(CLI::App& command, std::string& format);
/// The record as text on standard output, unless -q.
void Print(const CommonOptions& common, const std::string& text);

}  // namespace deftnn::cli
