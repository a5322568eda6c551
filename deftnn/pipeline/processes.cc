#include "deftnn/pipeline/processes.h"

#include <charconv>
#include <cstdlib>
#include <optional>

#include "deftnn/base/crc32c.h"

namespace deftnn {
namespace {

constexpr int kDefaultPort = 29500;  // torchrun's
constexpr int kMostProcesses = 1 << 20;

// The first of the variables that is set, as a number in [0, most].
Result<std::optional<int>> Number(std::initializer_list<const char*> names, int most) {
  for (const char* name : names) {
    const char* text = std::getenv(name);
    if (text == nullptr || *text == '\0') continue;
    const std::string_view digits = text;
    int number = -1;
    const auto [end, code] = std::from_chars(digits.begin(), digits.end(), number);
    if (code != std::errc() || end != digits.end() || number < 0 || number > most)
      return Error("{}={} is no number from 0 to {}", name, text, most);
    return std::optional<int>(number);
  }
  return std::optional<int>();
}

}  // namespace

Result<Membership> MembershipFromEnvironment() {
  DEFTNN_ASSIGN_OR_RETURN(const std::optional<int> rank,
                          Number({"RANK", "OMPI_COMM_WORLD_RANK"}, kMostProcesses));
  DEFTNN_ASSIGN_OR_RETURN(const std::optional<int> size,
                          Number({"WORLD_SIZE", "OMPI_COMM_WORLD_SIZE"}, kMostProcesses));
  DEFTNN_ASSIGN_OR_RETURN(const std::optional<int> port, Number({"MASTER_PORT"}, 65535));
  const char* address = std::getenv("MASTER_ADDR");
  const Membership membership{rank.value_or(0), size.value_or(1),
                              address != nullptr ? address : "127.0.0.1",
                              port.value_or(kDefaultPort)};
  if (membership.rank >= membership.size) {
    return Error("process {} of {} does not exist", membership.rank, membership.size)
        .WithHint("RANK below WORLD_SIZE");
  }
  return membership;
}

Result<std::unique_ptr<ProcessGroup>> JoinProcesses() {
  DEFTNN_ASSIGN_OR_RETURN(const Membership membership, MembershipFromEnvironment());
  if (membership.size == 1) return std::unique_ptr<ProcessGroup>();
  DEFTNN_ASSIGN_OR_RETURN(const TuneEngine* engine, OpenTuneEngine());
  return engine->join(membership);
}

double Agreed(ProcessGroup& group, double value) {
  const Status said = group.Broadcast(std::as_writable_bytes(std::span(&value, 1)));
  static_cast<void>(said.ok());
  return value;
}

Status CheckSame(ProcessGroup& group, const std::string& what, const std::string& text) {
  const double mine = Crc32c(std::as_bytes(std::span(text)));
  double others = Agreed(group, mine) == mine ? 0 : 1;
  DEFTNN_RETURN_IF_ERROR(group.Sum(std::span<double>(&others, 1)));
  if (others == 0) return {};
  return Error("{} differs in {:.0f} of {} processes", what, others, group.size())
      .WithHint("the same files, options and DEFTNN_ISA everywhere");
}

bool IsFirstProcess() {
  const auto membership = MembershipFromEnvironment();
  return !membership.ok() || membership->rank == 0;
}

}  // namespace deftnn
