#include "deftnn/report/progress.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <mutex>

#include "deftnn/base/clock.h"
#include "deftnn/report/numbers.h"

namespace deftnn {
namespace {

constexpr double kSilentSeconds = 2;
constexpr double kBarInterval = 0.1;
constexpr double kLineInterval = 10;
constexpr int kBarWidth = 28;
constexpr const char* kWipe = "\r\x1b[K";

void WriteStandardError(const std::string& text) {
  std::fwrite(text.data(), 1, text.size(), stderr);
  std::fflush(stderr);
}

ProgressOptions Complete(ProgressOptions options) {
  using Style = ProgressOptions::Style;
  if (options.style == Style::kAuto) {
    options.style = isatty(STDERR_FILENO) ? Style::kBar : Style::kLines;
  }
  if (!options.write) options.write = WriteStandardError;
  if (!options.seconds) options.seconds = WallSeconds;
  return options;
}

std::mutex default_mutex;

ProgressOptions& DefaultOptions() {
  static ProgressOptions options;
  return options;
}

ProgressOptions CopyOfDefault() {
  const std::lock_guard lock(default_mutex);
  return DefaultOptions();
}

std::string Bar(double share) {
  const int filled = static_cast<int>(std::lround(share * kBarWidth));
  return "[" + std::string(static_cast<size_t>(filled), '#') +
         std::string(static_cast<size_t>(kBarWidth - filled), '.') + "]";
}

}  // namespace

struct Progress::State {
  std::string title;
  std::string detail;
  int64_t total = 0;
  ProgressOptions options;
  std::mutex mutex;
  int64_t done = 0;
  double start = 0;
  double last_shown = -1;  // in seconds since the start; < 0: nothing was shown yet

  bool bar() const { return options.style == ProgressOptions::Style::kBar; }

  std::string Line(double elapsed) const {
    if (total <= 0) return fmt::format("{}: {} done, {}", title, done, FormatDuration(elapsed));
    const double share = std::min(1.0, static_cast<double>(done) / static_cast<double>(total));
    std::string line = bar() ? fmt::format("{} {} {:3.0f} %", title, Bar(share), 100 * share)
                             : fmt::format("{}: {}/{} ({:.0f} %)", title, done, total, 100 * share);
    if (done > 0 && done < total) {
      line += fmt::format(", {} left", FormatDuration(elapsed / share - elapsed));
    }
    return line;
  }

  void Show() {
    if (options.style == ProgressOptions::Style::kQuiet) return;
    const double elapsed = options.seconds() - start;
    if (elapsed < (bar() ? kSilentSeconds : kLineInterval)) return;
    if (last_shown >= 0 && elapsed - last_shown < (bar() ? kBarInterval : kLineInterval)) return;
    last_shown = elapsed;
    std::string line = Line(elapsed);
    if (!detail.empty()) line += "  " + detail;
    options.write(bar() ? kWipe + line.substr(0, 110) : line + "\n");
  }
};

void SetDefaultProgress(ProgressOptions options) {
  const std::lock_guard lock(default_mutex);
  DefaultOptions() = std::move(options);
}

Progress::Progress(std::string title, int64_t total)
    : Progress(std::move(title), total, CopyOfDefault()) {}

Progress::Progress(std::string title, int64_t total, const ProgressOptions& options)
    : state_(std::make_unique<State>()) {
  state_->title = std::move(title);
  state_->total = total;
  state_->options = Complete(options);
  state_->start = state_->options.seconds();
}

Progress::~Progress() {
  State& s = *state_;
  const double elapsed = s.options.seconds() - s.start;
  if (s.options.style == ProgressOptions::Style::kQuiet || elapsed < kSilentSeconds) return;
  const std::string done = fmt::format("{}: {}\n", s.title, FormatDuration(elapsed));
  s.options.write(s.bar() ? kWipe + done : done);
}

void Progress::Advance(int64_t steps) {
  const std::lock_guard lock(state_->mutex);
  state_->done += steps;
  state_->Show();
}

void Progress::Detail(std::string detail) {
  const std::lock_guard lock(state_->mutex);
  for (char& c : detail) {
    if (static_cast<unsigned char>(c) < 0x20) c = '?';
  }
  state_->detail = std::move(detail);
  state_->Show();
}

}  // namespace deftnn
