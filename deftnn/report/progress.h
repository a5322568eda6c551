// Progress of a step, on standard error: a bar on a terminal, otherwise a plain line every ten
// seconds, and one at its end with the time taken. Nothing for a step that ends within two seconds.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

namespace deftnn {

/// Where progress goes; the defaults are what the command line uses.
struct ProgressOptions {
  enum class Style { kAuto, kBar, kLines, kQuiet };
  Style style = Style::kAuto;  // kAuto: a bar when standard error is a terminal
  std::function<void(const std::string&)> write = {};  // default: standard error, flushed
  std::function<double()> seconds = {};                // default: a steady clock
};
/// What later Progress objects use when given no options of their own; -q sets kQuiet.
void SetDefaultProgress(ProgressOptions options);

class Progress {
 public:
  /// `total` steps of equal weight; 0 when their number is not known.
  Progress(std::string title, int64_t total);
  Progress(std::string title, int64_t total, const ProgressOptions& options);
  /// Wipes the bar, or writes a last line with the time taken.
  ~Progress();
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  /// May be called from several threads.
  void Advance(int64_t steps = 1);
  /// What is being worked on, shown behind the bar.
  void Detail(std::string detail);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace deftnn
