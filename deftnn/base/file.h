// Files: read whole, mapped, or written so that a reader never sees half of one.
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "deftnn/base/status.h"

namespace deftnn {

/// The whole file. Errors name the path (missing, a directory, unreadable, larger than max_bytes).
Result<std::string> ReadFile(const std::string& path, int64_t max_bytes = int64_t{1} << 40);

/// A read-only mapping; copies share it.
class MappedFile {
 public:
  static Result<MappedFile> Open(const std::string& path);
  std::span<const std::byte> bytes() const { return {data_.get(), size_}; }
  std::shared_ptr<const void> owner() const { return data_; }

 private:
  std::shared_ptr<const std::byte> data_;
  size_t size_ = 0;
};

/// Writes a temporary file beside `path`, then renames: `path` is whole or untouched.
Status WriteFileAtomically(const std::string& path, std::string_view contents);

/// CRC-32C (Castagnoli, reflected polynomial 0x82f63b78), of `bytes` continuing from `seed`.
uint32_t Crc32c(std::span<const std::byte> bytes, uint32_t seed = 0);

}  // namespace deftnn
