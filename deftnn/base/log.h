// Messages for a person, on standard error. -q and -v set the level.
#pragma once

#include <spdlog/spdlog.h>

namespace deftnn {

enum class LogLevel { kQuiet, kNormal, kVerbose };

/// Sets up the process's logger; called once by main. A library user's spdlog is left alone.
void InitLogging(LogLevel level);

}  // namespace deftnn
