#include "deftnn/base/file.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace deftnn {
namespace {

std::string Reason() { return std::strerror(errno); }

Status CannotBeOpened(const std::string& path) {
  if (path.empty()) return Error("the name of a file is empty");
  return Error("cannot be opened: {}", Reason()).WithFile(path);
}

/// Opening a pipe that nobody writes to must not wait; a regular file is read the same either way.
constexpr int kReading = O_RDONLY | O_CLOEXEC | O_NONBLOCK;

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

}  // namespace

Result<std::string> ReadFile(const std::string& path, int64_t max_bytes) {
  const Descriptor file(open(path.c_str(), kReading));
  if (file.get() < 0) return CannotBeOpened(path);
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
  const Descriptor file(open(path.c_str(), kReading));
  if (file.get() < 0) return CannotBeOpened(path);
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

void MappedFile::Forget(std::span<const std::byte> part) const {
  // Whole pages only: what lies beside them stays. A mapping begins with a page.
  const auto page = static_cast<size_t>(sysconf(_SC_PAGESIZE));
  const auto offset = static_cast<size_t>(part.data() - data_.get());
  const size_t begin = (offset + page - 1) / page * page,
               end = (offset + part.size()) / page * page;
  if (begin < end) madvise(const_cast<std::byte*>(data_.get()) + begin, end - begin, MADV_DONTNEED);
}

Result<AtomicFile> AtomicFile::Create(const std::string& path) {
  std::string temporary = path + ".XXXXXX";
  const int descriptor = mkostemp(temporary.data(), O_CLOEXEC);
  if (descriptor < 0) {
    return Error("cannot be written: {}", Reason())
        .WithFile(path)
        .WithHint("another output folder");
  }
  return AtomicFile(descriptor, path, std::move(temporary));
}

AtomicFile::AtomicFile(AtomicFile&& other) noexcept
    : descriptor_(std::exchange(other.descriptor_, -1)),
      path_(std::move(other.path_)),
      temporary_(std::exchange(other.temporary_, {})) {}

AtomicFile::~AtomicFile() {
  if (descriptor_ >= 0) close(descriptor_);
  if (!temporary_.empty()) unlink(temporary_.c_str());
}

Status AtomicFile::Failure() const {
  return Error("cannot be written: {}", Reason()).WithFile(path_);
}

Status AtomicFile::Write(std::span<const std::byte> bytes) {
  while (!bytes.empty()) {
    const ssize_t put = write(descriptor_, bytes.data(), bytes.size());
    if (put < 0 && errno == EINTR) continue;
    if (put <= 0) return Failure();
    bytes = bytes.subspan(static_cast<size_t>(put));
  }
  return {};
}

Status AtomicFile::Commit() {
  const mode_t mask = umask(0);
  umask(mask);
  const bool good = fchmod(descriptor_, 0666 & ~mask) == 0 && fsync(descriptor_) == 0 &&
                    rename(temporary_.c_str(), path_.c_str()) == 0;
  if (!good) return Failure();
  temporary_.clear();
  return {};
}

Status WriteFileAtomically(const std::string& path, std::string_view contents) {
  DEFTNN_ASSIGN_OR_RETURN(AtomicFile file, AtomicFile::Create(path));
  DEFTNN_RETURN_IF_ERROR(file.Write(std::as_bytes(std::span(contents.data(), contents.size()))));
  return file.Commit();
}

}  // namespace deftnn
