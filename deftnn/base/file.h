// Files: read whole, mapped, or written so that a reader never sees half of one.
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>

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
  /// Gives back the memory that `part` of the bytes takes, until they are read again.
  void Forget(std::span<const std::byte> part) const;

 private:
  std::shared_ptr<const std::byte> data_;
  size_t size_ = 0;
};

/// Writes a temporary file beside `path` piece by piece; Commit renames it, so that `path` is whole
/// or untouched. Destroyed without Commit, it leaves nothing behind.
class AtomicFile {
 public:
  static Result<AtomicFile> Create(const std::string& path);
  AtomicFile(AtomicFile&& other) noexcept;
  AtomicFile& operator=(AtomicFile&&) = delete;
  ~AtomicFile();

  Status Write(std::span<const std::byte> bytes);
  /// Flushes to the disk and puts the file in its place.
  Status Commit();

 private:
  AtomicFile(int descriptor, std::string path, std::string temporary)
      : descriptor_(descriptor), path_(std::move(path)), temporary_(std::move(temporary)) {}
  Status Failure() const;

  int descriptor_;  // -1 when moved away
  std::string path_, temporary_;
};

/// All of `contents` through an AtomicFile.
Status WriteFileAtomically(const std::string& path, std::string_view contents);

}  // namespace deftnn
