#include "deftnn/tune/checkpoint.h"

#include <array>
#include <cstring>
#include <span>

#include "deftnn/base/crc32c.h"

namespace deftnn {
namespace {

constexpr char kMagic[8] = {'D', 'E', 'F', 'T', 'T', 'U', 'N', '1'};

class Writer {
 public:
  template <typename T>
  void Put(const T& value) {
    bytes_.append(reinterpret_cast<const char*>(&value), sizeof(T));
  }
  void Floats(const std::vector<float>& values) {
    Put(static_cast<uint64_t>(values.size()));
    bytes_.append(reinterpret_cast<const char*>(values.data()), values.size() * sizeof(float));
  }
  std::string Take() && { return std::move(bytes_); }
  const std::string& bytes() const { return bytes_; }

 private:
  std::string bytes_;
};

// Reads past the end give zeros and are remembered; the checksum has made them impossible for
// files that this code wrote.
class Reader {
 public:
  explicit Reader(const std::string& bytes) : bytes_(bytes) {}
  template <typename T>
  T Get() {
    T value{};
    if (!Room(sizeof(T))) return value;
    std::memcpy(&value, bytes_.data() + at_, sizeof(T));
    at_ += sizeof(T);
    return value;
  }
  std::vector<float> Floats() {
    const uint64_t count = Get<uint64_t>();
    if (count == 0 || count > bytes_.size() / sizeof(float) || !Room(count * sizeof(float))) {
      return {};
    }
    std::vector<float> values(count);
    std::memcpy(values.data(), bytes_.data() + at_, count * sizeof(float));
    at_ += count * sizeof(float);
    return values;
  }
  bool ok() const { return ok_; }

 private:
  bool Room(size_t size) {
    ok_ = ok_ && size <= bytes_.size() - at_;
    return ok_;
  }
  const std::string& bytes_;
  size_t at_ = 0;
  bool ok_ = true;
};

uint32_t BodyChecksum(const std::string& bytes, size_t size) {
  return Crc32c(std::as_bytes(std::span(bytes.data(), size)));
}

Status CheckIdentity(const RunIdentity& found, const RunIdentity& wanted) {
  const char* what = found.network != wanted.network   ? "network"
                     : found.data != wanted.data       ? "data"
                     : found.options != wanted.options ? "options"
                                                       : nullptr;
  if (what == nullptr) return {};
  return Error("is the checkpoint of another run: its {} differ{}", what,
               found.network != wanted.network ? "s" : "")
      .WithHint("remove it, or --checkpoint with another file");
}

}  // namespace

std::string EncodeCheckpoint(const RunIdentity& identity, const TrainingState& state) {
  Writer writer;
  writer.Put(kMagic);
  writer.Put(identity.network);
  writer.Put(identity.data);
  writer.Put(identity.options);
  writer.Put(static_cast<uint32_t>(state.finished));
  for (const int64_t value : {state.step, state.since_best, state.best_step}) writer.Put(value);
  for (const double value : {state.first_loss, state.best_loss, state.seconds}) writer.Put(value);
  writer.Put(static_cast<uint64_t>(state.values.size()));
  for (size_t i = 0; i < state.values.size(); ++i) {
    writer.Floats(state.values[i]);
    writer.Floats(state.moments[i].first);
    writer.Floats(state.moments[i].second);
    writer.Floats(state.best[i]);
  }
  writer.Put(BodyChecksum(writer.bytes(), writer.bytes().size()));
  return std::move(writer).Take();
}

Result<TrainingState> DecodeCheckpoint(const std::string& bytes, const RunIdentity& identity) {
  if (bytes.size() < sizeof(kMagic) + sizeof(uint32_t) ||
      std::memcmp(bytes.data(), kMagic, sizeof(kMagic)) != 0) {
    return Error("is no checkpoint of fine-tuning").WithHint("--checkpoint with another file");
  }
  const size_t body = bytes.size() - sizeof(uint32_t);
  uint32_t checksum = 0;
  std::memcpy(&checksum, bytes.data() + body, sizeof(checksum));
  if (checksum != BodyChecksum(bytes, body)) {
    return Error("is damaged: its checksum is wrong").WithHint("remove it to start anew");
  }
  Reader reader(bytes);
  reader.Get<std::array<char, sizeof(kMagic)>>();
  const RunIdentity found{reader.Get<uint32_t>(), reader.Get<uint32_t>(), reader.Get<uint32_t>()};
  DEFTNN_RETURN_IF_ERROR(CheckIdentity(found, identity));
  TrainingState state;
  state.finished = reader.Get<uint32_t>() != 0;
  for (int64_t* value : {&state.step, &state.since_best, &state.best_step})
    *value = reader.Get<int64_t>();
  for (double* value : {&state.first_loss, &state.best_loss, &state.seconds})
    *value = reader.Get<double>();
  const uint64_t constants = reader.Get<uint64_t>();
  for (uint64_t i = 0; i < constants && reader.ok(); ++i) {
    state.values.push_back(reader.Floats());
    state.moments.push_back({reader.Floats(), reader.Floats()});
    state.best.push_back(reader.Floats());
  }
  if (!reader.ok()) return Error("ends early").WithHint("remove it to start anew");
  return state;
}

}  // namespace deftnn
