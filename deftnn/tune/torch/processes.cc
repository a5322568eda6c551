#include "deftnn/tune/torch/processes.h"

#include <ATen/Functions.h>
#include <torch/csrc/distributed/c10d/ProcessGroupGloo.hpp>
#include <torch/csrc/distributed/c10d/TCPStore.hpp>

namespace deftnn::torch_engine {
namespace {

constexpr std::chrono::minutes kMeeting{5};  // that members wait for one another at the start
constexpr std::chrono::hours kWork{2};       // and between two calls

template <typename Body>
Status Guarded(const std::string& what, Body body) {
  try {
    body();
    return {};
  } catch (const std::exception& error) {
    const std::string text = error.what();
    return Error("{}: {}", what, text.substr(0, text.find('\n')));
  }
}

class Group : public ProcessGroup {
 public:
  Group(const Membership& membership, c10::intrusive_ptr<c10d::ProcessGroupGloo> group)
      : membership_(membership), group_(std::move(group)) {}

  int rank() const override { return membership_.rank; }
  int size() const override { return membership_.size; }
  Status Sum(std::span<float> values) override { return SumOf(values, at::kFloat); }
  Status Sum(std::span<double> values) override { return SumOf(values, at::kDouble); }
  Status Broadcast(std::span<std::byte> bytes) override {
    return Guarded("the other processes cannot be reached", [&] {
      std::vector<at::Tensor> tensors{View(bytes, at::kByte)};
      group_->broadcast(tensors)->wait();
    });
  }

 private:
  template <typename T>
  static at::Tensor View(std::span<T> values, at::ScalarType type) {
    return at::from_blob(values.data(), {static_cast<int64_t>(values.size())},
                         at::TensorOptions(type));
  }
  template <typename T>
  Status SumOf(std::span<T> values, at::ScalarType type) {
    return Guarded("the other processes cannot be reached", [&] {
      std::vector<at::Tensor> tensors{View(values, type)};
      group_->allreduce(tensors)->wait();
    });
  }

  const Membership membership_;
  c10::intrusive_ptr<c10d::ProcessGroupGloo> group_;
};

}  // namespace

Result<std::unique_ptr<ProcessGroup>> Join(const Membership& membership) {
  std::unique_ptr<ProcessGroup> group;
  const Status joined = Guarded("cannot join the other processes", [&] {
    c10d::TCPStoreOptions meeting;
    meeting.port = static_cast<std::uint16_t>(membership.port);
    meeting.isServer = membership.rank == 0;
    meeting.numWorkers = membership.size;
    meeting.timeout = kMeeting;
    // Under torchrun the address is already held by a store of its own: its agent's.
    const char* held = std::getenv("TORCHELASTIC_USE_AGENT_STORE");
    if (held != nullptr && std::string(held) == "True") meeting.isServer = false;
    const auto store = c10::make_intrusive<c10d::TCPStore>(membership.address, meeting);
    auto options = c10d::ProcessGroupGloo::Options::create(kWork);
    const bool loopback = membership.address == "127.0.0.1" || membership.address == "localhost";
    options->devices.push_back(loopback
                                   ? c10d::ProcessGroupGloo::createDeviceForHostname("127.0.0.1")
                                   : c10d::ProcessGroupGloo::createDefaultDevice());
    options->threads = 1;
    group =
        std::make_unique<Group>(membership, c10::make_intrusive<c10d::ProcessGroupGloo>(
                                                store, membership.rank, membership.size, options));
  });
  if (!joined.ok()) {
    return joined.WithHint(fmt::format("MASTER_ADDR={} MASTER_PORT={} and {} processes",
                                       membership.address, membership.port, membership.size));
  }
  return group;
}

}  // namespace deftnn::torch_engine
