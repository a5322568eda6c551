#include "deftnn/data/metric_command.h"

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <chrono>
#include <cmath>
#include <cstring>
#include <filesystem>
#include <optional>
#include <set>
#include <thread>

#include "deftnn/data/npy.h"

extern char** environ;

namespace deftnn {
namespace {

namespace fs = std::filesystem;
using Clock = std::chrono::steady_clock;

class TemporaryFolder {
 public:
  TemporaryFolder() {
    std::error_code error;
    const fs::path base = fs::temp_directory_path(error);
    path_ = ((error ? fs::path("/tmp") : base) / "deftnn-metric-XXXXXX").string();
    if (mkdtemp(path_.data()) == nullptr) path_.clear();
  }
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
  ~TemporaryFolder() {
    std::error_code ignored;
    if (!path_.empty()) fs::remove_all(path_, ignored);
  }
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

struct Child {
  pid_t pid = -1;
  int standard_output = -1;
};

/// Starts /bin/sh in a process group of its own, reading nothing and writing to a pipe.
Result<Child> Start(const std::string& command, const std::string& folder) {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) return Error("cannot make a pipe: {}", std::strerror(errno));
  posix_spawn_file_actions_t actions;
  posix_spawnattr_t attributes;
  posix_spawn_file_actions_init(&actions);
  posix_spawnattr_init(&attributes);
  posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO);
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP);
  posix_spawnattr_setpgroup(&attributes, 0);
  std::string script = command + " \"$1\"", name = "deftnn-metric", argument = folder;
  char shell[] = "/bin/sh", option[] = "-c";
  char* const argv[] = {shell, option, script.data(), name.data(), argument.data(), nullptr};
  Child child;
  const int code = posix_spawn(&child.pid, shell, &actions, &attributes, argv, environ);
  posix_spawn_file_actions_destroy(&actions);
  posix_spawnattr_destroy(&attributes);
  close(ends[1]);
  if (code != 0) {
    close(ends[0]);
    return Error("cannot be started: {}", std::strerror(code));
  }
  child.standard_output = ends[0];
  return child;
}

/// Collects what the child prints until it closes its output; false when time ran out first.
bool ReadUntil(int fd, Clock::time_point deadline, std::string& printed) {
  constexpr size_t kKeep = 65536;
  while (true) {
    const auto left =
        std::chrono::duration_cast<std::chrono::milliseconds>(deadline - Clock::now()).count();
    if (left <= 0) return false;
    pollfd wait{fd, POLLIN, 0};
    const int ready = poll(&wait, 1, static_cast<int>(std::min<int64_t>(left, 1000)));
    if (ready < 0 && errno != EINTR) return false;
    if (ready <= 0) continue;
    char buffer[4096];
    const ssize_t got = read(fd, buffer, sizeof buffer);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return true;
    printed.append(buffer, static_cast<size_t>(got));
    if (printed.size() > 2 * kKeep) printed.erase(0, printed.size() - kKeep);  // the end matters
  }
}

/// The child's wait status; empty when time ran out.
std::optional<int> WaitUntil(pid_t pid, Clock::time_point deadline) {
  while (true) {
    int status = 0;
    const pid_t got = waitpid(pid, &status, WNOHANG);
    if (got == pid) return status;
    if (got < 0 && errno != EINTR) return std::nullopt;
    if (Clock::now() >= deadline) return std::nullopt;
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
  }
}

Result<double> LastNumber(const std::string& printed) {
  constexpr const char* kSpace = " \t\r\n";
  const size_t end = printed.find_last_not_of(kSpace);
  if (end == std::string::npos) return Error("printed nothing").WithHint("print one number");
  const size_t line = printed.find_last_of('\n', end);
  size_t begin = printed.find_first_not_of(kSpace, line == std::string::npos ? 0 : line);
  if (printed[begin] == '+') ++begin;
  double value = 0;
  const char* const last = printed.data() + end + 1;
  const auto [at, code] = std::from_chars(printed.data() + begin, last, value);
  if (code != std::errc() || at != last || !std::isfinite(value)) {
    return Error("printed '{}', which is no finite number",
                 printed.substr(begin, std::min<size_t>(end + 1 - begin, 60)))
        .WithHint("print one number on the last line");
  }
  return value;
}

}  // namespace

Status WriteNpyFolder(const std::string& folder, const NamedTensors& tensors) {
  std::error_code error;
  fs::create_directories(folder, error);
  if (!fs::is_directory(folder, error)) {
    return Error("cannot be made a folder").WithFile(folder);
  }
  std::set<std::string> taken;
  for (const auto& [name, tensor] : tensors) {
    std::string file = name;
    for (char& c : file) {
      if (c == '/' || static_cast<unsigned char>(c) < 0x20) c = '_';
    }
    file += ".npy";
    if (!taken.insert(file).second) {
      return Error("two outputs would be written to '{}'", file).WithFile(folder);
    }
    DEFTNN_RETURN_IF_ERROR(WriteNpy((fs::path(folder) / file).string(), tensor));
  }
  return {};
}

Result<double> RunMetricCommand(const std::string& command, const NamedTensors& tensors,
                                double timeout_seconds) {
  const TemporaryFolder folder;
  if (folder.path().empty()) return Error("no temporary folder can be made");
  DEFTNN_RETURN_IF_ERROR(WriteNpyFolder(folder.path(), tensors));
  const std::string who = fmt::format("the metric command '{}'", command);
  Result<Child> child = Start(command, folder.path());
  if (!child.ok()) return Error("{} {}", who, child.status().reason());
  const auto deadline = Clock::now() + std::chrono::duration_cast<Clock::duration>(
                                           std::chrono::duration<double>(timeout_seconds));
  std::string printed;
  std::optional<int> status;
  if (ReadUntil(child->standard_output, deadline, printed)) {
    status = WaitUntil(child->pid, deadline);
  }
  close(child->standard_output);
  if (!status) {
    kill(-child->pid, SIGKILL);
    int ignored = 0;
    while (waitpid(child->pid, &ignored, 0) < 0 && errno == EINTR) {
    }
    return Error("{} took longer than {} s and was stopped", who, timeout_seconds);
  }
  if (WIFSIGNALED(*status)) return Error("{} was ended by signal {}", who, WTERMSIG(*status));
  if (WEXITSTATUS(*status) != 0) return Error("{} ended with {}", who, WEXITSTATUS(*status));
  Result<double> value = LastNumber(printed);
  if (!value.ok()) {
    return Error("{} {}", who, value.status().reason()).WithHint(value.status().hint());
  }
  return value;
}

}  // namespace deftnn
