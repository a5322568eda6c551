#include "deftnn/base/file.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>

namespace deftnn {
namespace {

std::string Reason() { return std::strerror(errno); }

class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_(fd) {}
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  ~Descriptor() {
    if (fd_ >= 0) close(fd_);
  }
  int get() const { return fd_; }

 private:
  int fd_;
};

Result<size_t> RegularSize(int fd, const std::string& path) {
  struct stat info {};
  if (fstat(fd, &info) != 0) return Error("cannot be examined: {}", Reason()).WithFile(path);
  if (!S_ISREG(info.st_mode)) return Error("is not a regular file").WithFile(path);
  return static_cast<size_t>(info.st_size);
}

std::array<uint32_t, 256> Crc32cTable() {
  std::array<uint32_t, 256> table{};
  for (uint32_t i = 0; i < 256; ++i) {
    uint32_t crc = i;
    for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1) ^ (0x82f63b78u & (0u - (crc & 1u)));
    table[i] = crc;
  }
  return table;
}

}  // namespace

Result<std::string> ReadFile(const std::string& path, int64_t max_bytes) {
  const Descriptor file(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (file.get() < 0) return Error("cannot be opened: {}", Reason()).WithFile(path);
  DEFTNN_ASSIGN_OR_RETURN(const size_t size, RegularSize(file.get(), path));
  if (static_cast<int64_t>(size) > max_bytes) {
    return Error("is larger than {} bytes", max_bytes).WithFile(path);
  }
  std::string contents(size, '\0');
  size_t done = 0;
  while (done < size) {
    const ssize_t got = read(file.get(), contents.data() + done, size - done);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0)
      return Error("cannot be read: {}", got < 0 ? Reason() : "it shrank").WithFile(path);
    done += static_cast<size_t>(got);
  }
  return contents;
}

Result<MappedFile> MappedFile::Open(const std::string& path) {
  const Descriptor file(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (file.get() < 0) return Error("cannot be opened: {}", Reason()).WithFile(path);
  DEFTNN_ASSIGN_OR_RETURN(const size_t size, RegularSize(file.get(), path));
  MappedFile mapped;
  mapped.size_ = size;
  if (size == 0) return mapped;
  void* memory = mmap(nullptr, size, PROT_READ, MAP_PRIVATE, file.get(), 0);
  if (memory == MAP_FAILED) return Error("cannot be mapped: {}", Reason()).WithFile(path);
  mapped.data_ = std::shared_ptr<const std::byte>(
      static_cast<const std::byte*>(memory),
      [size](const std::byte* p) { munmap(const_cast<std::byte*>(p), size); });
  return mapped;
}

Status WriteFileAtomically(const std::string& path, std::string_view contents) {
  std::string temporary = path + ".XXXXXX";
  const Descriptor file(mkostemp(temporary.data(), O_CLOEXEC));
  if (file.get() < 0) {
    return Error("cannot be written: {}", Reason())
        .WithFile(path)
        .WithHint("another output folder");
  }
  size_t done = 0;
  bool good = true;
  while (good && done < contents.size()) {
    const ssize_t put = write(file.get(), contents.data() + done, contents.size() - done);
    if (put < 0 && errno == EINTR) continue;
    good = put > 0;
    if (good) done += static_cast<size_t>(put);
  }
  const mode_t mask = umask(0);
  umask(mask);
  good = good && fchmod(file.get(), 0666 & ~mask) == 0 && fsync(file.get()) == 0 &&
         rename(temporary.c_str(), path.c_str()) == 0;
  if (good) return {};
  const Status error = Error("cannot be written: {}", Reason()).WithFile(path);
  unlink(temporary.c_str());
  return error;
}

uint32_t Crc32c(std::span<const std::byte> bytes, uint32_t seed) {
  static const std::array<uint32_t, 256> table = Crc32cTable();
  uint32_t crc = ~seed;
  for (const std::byte b : bytes)
    crc = (crc >> 8) ^ table[(crc ^ static_cast<uint32_t>(b)) & 0xffu];
  return ~crc;
}

}  // namespace deftnn
