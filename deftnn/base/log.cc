#include "deftnn/base/log.h"

#include <spdlog/sinks/stdout_color_sinks.h>

namespace deftnn {

void InitLogging(LogLevel level) {
  auto logger = spdlog::stderr_color_mt("deftnn");
  logger->set_pattern("deftnn: %^%v%$");
  logger->set_level(level == LogLevel::kQuiet     ? spdlog::level::err
                    : level == LogLevel::kVerbose ? spdlog::level::debug
                                                  : spdlog::level::info);
  spdlog::set_default_logger(logger);
}

}  // namespace deftnn
