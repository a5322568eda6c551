#include "deftnn/base/memory.h"

#include <sys/mman.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <new>

namespace deftnn {
namespace {

constexpr size_t kHugePage = size_t{2} << 20;
constexpr size_t kChunk = 16 * kHugePage;  // address space: only pages that are touched cost memory

size_t RoundUp(size_t bytes, size_t unit) { return (bytes + unit - 1) / unit * unit; }

// Room for the bytes and the slack behind them.
size_t Padded(size_t bytes) { return RoundUp(bytes + kAlignment, kAlignment); }

// Whole huge pages at the front; the kernel may give small ones all the same.
void AdviseHugePages(void* memory, size_t bytes) {
#ifdef MADV_HUGEPAGE
  if (bytes >= kHugePage) madvise(memory, bytes / kHugePage * kHugePage, MADV_HUGEPAGE);
#endif
}

// Zeroed by the system once a page is touched.
std::shared_ptr<std::byte> MapChunk(size_t bytes) {
  const size_t room = bytes + kHugePage;
  void* memory = mmap(nullptr, room, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) throw std::bad_alloc();
  const auto unmap = [memory, room](std::byte*) { munmap(memory, room); };
  void* aligned = memory;
  size_t space = room;
  std::align(kHugePage, bytes, aligned, space);
  AdviseHugePages(aligned, bytes);
  return {static_cast<std::byte*>(aligned), unmap};
}

}  // namespace

std::shared_ptr<std::byte> AllocateAligned(size_t bytes) {
  const size_t padded = Padded(bytes);
  const size_t alignment = padded >= kHugePage ? kHugePage : kAlignment;
  void* memory = std::aligned_alloc(alignment, RoundUp(padded, alignment));
  if (memory == nullptr) throw std::bad_alloc();
  AdviseHugePages(memory, padded);
  std::memset(memory, 0, padded);
  return {static_cast<std::byte*>(memory), [](std::byte* p) { std::free(p); }};
}

std::shared_ptr<std::byte> MemoryPool::Allocate(size_t bytes) {
  const size_t padded = Padded(bytes);
  const std::lock_guard lock(mutex_);
  if (size_ - used_ < padded) {
    size_ = std::max(kChunk, RoundUp(padded, kHugePage));
    chunk_ = MapChunk(size_);
    used_ = 0;
  }
  std::byte* const at = chunk_.get() + used_;
  used_ += padded;
  return {chunk_, at};
}

}  // namespace deftnn
