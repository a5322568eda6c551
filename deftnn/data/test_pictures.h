// For the tests of this folder: a PNG writer (stored as zlib compresses it, no filter).
#pragma once

#include <zlib.h>

#include <string>

#include "deftnn/data/picture.h"
#include "deftnn/data/test_files.h"

namespace deftnn {

inline void AppendBig(std::string& out, uint32_t value) {
  for (int i = 3; i >= 0; --i) out += static_cast<char>((value >> (8 * i)) & 0xff);
}

inline std::string PngChunk(const std::string& type, const std::string& data) {
  std::string out;
  AppendBig(out, static_cast<uint32_t>(data.size()));
  const std::string body = type + data;
  out += body;
  AppendBig(out, static_cast<uint32_t>(crc32(0, reinterpret_cast<const Bytef*>(body.data()),
                                             static_cast<uInt>(body.size()))));
  return out;
}

inline std::string EncodePng(const Picture& picture) {
  std::string header;
  AppendBig(header, static_cast<uint32_t>(picture.width));
  AppendBig(header, static_cast<uint32_t>(picture.height));
  header += static_cast<char>(8);
  header += static_cast<char>(picture.channels == 3 ? 2 : 0);
  header += std::string(3, '\0');
  std::string rows;
  const size_t row = static_cast<size_t>(picture.width) * static_cast<size_t>(picture.channels);
  for (size_t y = 0; y < static_cast<size_t>(picture.height); ++y) {
    rows += '\0';
    rows.append(reinterpret_cast<const char*>(picture.pixels.data() + y * row), row);
  }
  return "\x89PNG\r\n\x1a\n" + PngChunk("IHDR", header) + PngChunk("IDAT", Deflate(rows, 15)) +
         PngChunk("IEND", "");
}

}  // namespace deftnn
