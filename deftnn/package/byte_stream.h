// Little-endian bytes: appended by a writer, taken by a reader that never trusts a count.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>

namespace deftnn::deft {

class ByteWriter {
 public:
  template <typename T>
  void Put(T value) {
    static_assert(std::is_arithmetic_v<T>);
    bytes_.append(reinterpret_cast<const char*>(&value), sizeof(T));
  }
  void PutString(std::string_view text) {
    Put(static_cast<uint32_t>(text.size()));
    bytes_.append(text);
  }
  std::string Take() && { return std::move(bytes_); }

 private:
  std::string bytes_;
};

/// After the first read that does not fit, every read gives zero and ok() is false: a caller reads
/// a whole record and asks once. Loops over a Count end by themselves, because a count that the
/// bytes left could not hold is refused.
class ByteReader {
 public:
  explicit ByteReader(std::span<const std::byte> bytes) : bytes_(bytes) {}

  bool ok() const { return ok_; }
  bool at_end() const { return ok_ && bytes_.empty(); }

  template <typename T>
  T Get() {
    static_assert(std::is_arithmetic_v<T>);
    T value{};
    if (!Fits(sizeof(T))) return value;
    std::memcpy(&value, bytes_.data(), sizeof(T));
    bytes_ = bytes_.subspan(sizeof(T));
    return value;
  }
  std::string GetString() {
    const uint32_t size = Count(1);
    if (!ok_) return {};
    std::string text(reinterpret_cast<const char*>(bytes_.data()), size);
    bytes_ = bytes_.subspan(size);
    return text;
  }
  /// A count of records of at least `least` bytes each; 0 and not ok when so many cannot follow.
  uint32_t Count(size_t least) {
    const uint32_t count = Get<uint32_t>();
    return Fits(size_t{count} * least) ? count : 0;
  }

 private:
  bool Fits(size_t size) {
    ok_ = ok_ && size <= bytes_.size();
    return ok_;
  }

  std::span<const std::byte> bytes_;
  bool ok_ = true;
};

}  // namespace deftnn::deft
