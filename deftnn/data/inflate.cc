#include "deftnn/data/inflate.h"

#include <zlib.h>

#include <algorithm>
#include <limits>

namespace deftnn {

struct Inflater::Stream {
  z_stream z{};
  std::span<const std::byte> rest;
  bool ready = false;
  bool ended = false;
};

Inflater::Inflater(std::span<const std::byte> compressed, Wrapping wrapping)
    : stream_(std::make_unique<Stream>()) {
  stream_->rest = compressed;
  const int window_bits = wrapping == Wrapping::kRaw ? -15 : 15 + 16;
  stream_->ready = inflateInit2(&stream_->z, window_bits) == Z_OK;
}

Inflater::~Inflater() {
  if (stream_->ready) inflateEnd(&stream_->z);
}

Result<size_t> Inflater::Read(std::span<std::byte> out) {
  Stream& s = *stream_;
  if (!s.ready) return Error("cannot be decompressed: out of memory");
  constexpr size_t kChunk = size_t{1} << 30;  // zlib counts in 32 bits
  size_t done = 0;
  while (done < out.size() && !s.ended) {
    const size_t in_chunk = std::min(s.rest.size(), kChunk);
    const size_t out_chunk = std::min(out.size() - done, kChunk);
    s.z.next_in = reinterpret_cast<Bytef*>(const_cast<std::byte*>(s.rest.data()));
    s.z.avail_in = static_cast<uInt>(in_chunk);
    s.z.next_out = reinterpret_cast<Bytef*>(out.data() + done);
    s.z.avail_out = static_cast<uInt>(out_chunk);
    const int code = inflate(&s.z, Z_NO_FLUSH);
    const size_t taken = in_chunk - s.z.avail_in;
    const size_t given = out_chunk - s.z.avail_out;
    s.rest = s.rest.subspan(taken);
    done += given;
    if (code == Z_STREAM_END) {
      s.ended = true;
    } else if (code != Z_OK && code != Z_BUF_ERROR) {
      return Error("holds damaged compressed data");
    } else if (taken == 0 && given == 0) {
      return Error("ends inside its compressed data");
    }
  }
  return done;
}

Status Inflater::Fill(std::span<std::byte> out) {
  DEFTNN_ASSIGN_OR_RETURN(const size_t got, Read(out));
  if (got != out.size()) return Error("decompresses to fewer bytes than it says");
  return {};
}

Status Inflater::ExpectEnd() {
  if (stream_->ended) return {};
  std::byte extra{};
  DEFTNN_ASSIGN_OR_RETURN(const size_t got, Read({&extra, 1}));
  if (got != 0) return Error("decompresses to more bytes than it says");
  return {};
}

bool IsGzip(std::span<const std::byte> bytes) {
  return bytes.size() >= 2 && bytes[0] == std::byte{0x1f} && bytes[1] == std::byte{0x8b};
}

}  // namespace deftnn
