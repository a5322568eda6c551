// Decompression of deflate streams (RFC 1951), raw as in zip or wrapped as in gzip (RFC 1952).
#pragma once

#include <cstddef>
#include <memory>
#include <span>

#include "deftnn/base/status.h"

namespace deftnn {

class Inflater {
 public:
  enum class Wrapping { kRaw, kGzip };

  /// `compressed` must outlive the inflater.
  Inflater(std::span<const std::byte> compressed, Wrapping wrapping);
  ~Inflater();
  Inflater(const Inflater&) = delete;
  Inflater& operator=(const Inflater&) = delete;

  /// Fills `out` exactly; an error when the stream ends early or is damaged.
  Status Fill(std::span<std::byte> out);
  /// An error unless the stream ends here (this is where gzip's checksum is compared).
  Status ExpectEnd();

 private:
  struct Stream;
  Result<size_t> Read(std::span<std::byte> out);
  std::unique_ptr<Stream> stream_;
};

/// No deflate stream expands by more than this factor: a larger claim is a lie, and is refused
/// before memory is spent on it.
inline constexpr size_t kMaxInflation = 1032;

bool IsGzip(std::span<const std::byte> bytes);

}  // namespace deftnn
