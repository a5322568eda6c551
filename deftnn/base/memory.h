// Buffers for tensors and weights: aligned, zeroed, in huge pages where they are large. With pages
// of 4 KiB, a large product spends a twentieth to a fifth of its time on looking addresses up.
#pragma once

#include <cstddef>
#include <memory>
#include <mutex>

namespace deftnn {

inline constexpr size_t kAlignment = 64;

/// A zeroed buffer of `bytes` + 64, aligned to 64 bytes. Throws std::bad_alloc.
std::shared_ptr<std::byte> AllocateAligned(size_t bytes);

/// Many buffers side by side in huge pages, which each alone would be too small for. Memory comes
/// back when the pool and all buffers of one chunk are gone. Safe from several threads.
class MemoryPool {
 public:
  /// As AllocateAligned. Throws std::bad_alloc.
  std::shared_ptr<std::byte> Allocate(size_t bytes);

 private:
  std::mutex mutex_;
  std::shared_ptr<std::byte> chunk_;
  size_t used_ = 0, size_ = 0;  // bytes of the chunk
};

}  // namespace deftnn
