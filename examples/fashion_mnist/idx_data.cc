#include "idx_data.h"

#include <zlib.h>

#include <stdexcept>

namespace fashion {
namespace {

// A gzipped file that is closed on every way out; every failure names the file.
class GzReader {
 public:
  explicit GzReader(const std::string& path) : path_(path), file_(gzopen(path.c_str(), "rb")) {
    if (!file_) {
      throw std::runtime_error("cannot open " + path +
                               " (Debian package dataset-fashion-mnist, or --data DIR)");
    }
  }
  ~GzReader() {
    if (file_) gzclose(file_);
  }
  GzReader(const GzReader&) = delete;
  GzReader& operator=(const GzReader&) = delete;

  void Read(void* to, size_t bytes) {
    const int got = gzread(file_, to, static_cast<unsigned>(bytes));
    if (got < 0 || static_cast<size_t>(got) != bytes) {
      throw std::runtime_error(path_ + " is damaged or cut short");
    }
  }

  // IDX headers are big-endian.
  uint32_t ReadU32() {
    uint8_t b[4];
    Read(b, sizeof b);
    return uint32_t{b[0]} << 24 | uint32_t{b[1]} << 16 | uint32_t{b[2]} << 8 | uint32_t{b[3]};
  }

  void Expect(uint32_t wanted, const char* what) {
    const uint32_t got = ReadU32();
    if (got != wanted) {
      throw std::runtime_error(path_ + ": " + what + " is " + std::to_string(got) + ", not " +
                               std::to_string(wanted));
    }
  }

  // The header's count of items. The bound keeps a damaged header from asking for huge memory.
  uint32_t ReadCount() {
    const uint32_t count = ReadU32();
    if (count == 0 || count > 1000000) {
      throw std::runtime_error(path_ + ": unbelievable count of items " + std::to_string(count));
    }
    return count;
  }

 private:
  std::string path_;
  gzFile file_;
};

std::vector<uint8_t> ReadImages(const std::string& path) {
  GzReader in(path);
  in.Expect(0x803, "magic number");
  const size_t count = in.ReadCount();
  in.Expect(kSide, "picture height");
  in.Expect(kSide, "picture width");
  std::vector<uint8_t> pixels(count * kPixels);
  in.Read(pixels.data(), pixels.size());
  return pixels;
}

std::vector<uint8_t> ReadLabels(const std::string& path) {
  GzReader in(path);
  in.Expect(0x801, "magic number");
  std::vector<uint8_t> labels(in.ReadCount());
  in.Read(labels.data(), labels.size());
  for (uint8_t label : labels) {
    if (label >= kClasses) throw std::runtime_error(path + ": a label is not in 0..9");
  }
  return labels;
}

}  // namespace

Dataset ReadDataset(const std::string& dir, const std::string& prefix) {
  Dataset data;
  data.pixels = ReadImages(dir + "/" + prefix + "-images-idx3-ubyte.gz");
  data.labels = ReadLabels(dir + "/" + prefix + "-labels-idx1-ubyte.gz");
  if (data.pixels.size() != data.labels.size() * kPixels) {
    throw std::runtime_error(dir + "/" + prefix + ": as many labels as pictures are needed");
  }
  return data;
}

}  // namespace fashion
