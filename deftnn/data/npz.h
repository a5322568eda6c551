// NumPy's .npz: a zip archive of .npy members, stored or deflated (APPNOTE 6.3; zip64 read too).
#pragma once

#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "deftnn/base/status.h"
#include "deftnn/base/tensor.h"

namespace deftnn {

class NpzFile {
 public:
  /// Reads the archive's directory. Errors: not a zip, damaged, several disks, encrypted members,
  /// one name twice.
  static Result<NpzFile> Open(const std::string& path);
  /// The same for an archive in memory, which `owner` keeps alive; `name` stands in messages.
  static Result<NpzFile> Of(std::span<const std::byte> bytes, std::shared_ptr<const void> owner,
                            const std::string& name);

  const std::string& path() const { return path_; }
  /// The arrays' names without ".npy", in the archive's order. Other members are passed over.
  const std::vector<std::string>& names() const { return names_; }
  bool Has(const std::string& name) const;
  /// Decompresses and checks one array (sizes, CRC-32, .npy header).
  Result<Tensor> Read(const std::string& name) const;

 private:
  struct Member {
    int method = 0;
    uint32_t crc = 0;
    uint64_t compressed = 0;
    uint64_t uncompressed = 0;
    uint64_t offset = 0;  // of the local header
  };
  struct Directory {
    uint64_t entries = 0;
    uint64_t bytes = 0;
    uint64_t offset = 0;
  };
  Result<Directory> FindDirectory() const;
  Status ReadDirectory();
  Status ApplyZip64(size_t extra_at, size_t extra_size, Member& member) const;
  Result<Tensor> ReadMember(const Member& member) const;
  /// `size` bytes little-endian at `at`; the caller has checked the bounds.
  uint64_t Little(size_t at, int size) const;

  std::string path_;
  std::span<const std::byte> bytes_;
  std::shared_ptr<const void> owner_;
  std::vector<std::string> names_;
  std::vector<Member> members_;  // beside names_
};

/// Writes the arrays stored (not compressed), as numpy.savez does. Each and all together below 4
/// GiB.
Status WriteNpz(const std::string& path, const std::vector<std::pair<std::string, Tensor>>& arrays);

}  // namespace deftnn
