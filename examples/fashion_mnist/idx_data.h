// Reading of gzipped IDX files, the format of (Fashion-)MNIST.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace fashion {

constexpr int kSide = 28;
constexpr int kPixels = kSide * kSide;
constexpr int kClasses = 10;

// Pictures of kSide x kSide grey bytes, one after another, and one label each.
struct Dataset {
  std::vector<uint8_t> pixels;
  std::vector<uint8_t> labels;

  int64_t size() const { return static_cast<int64_t>(labels.size()); }
  const uint8_t* picture(int64_t i) const { return pixels.data() + i * kPixels; }
};

// Reads "<prefix>-images-idx3-ubyte.gz" and "<prefix>-labels-idx1-ubyte.gz" from `dir`. Throws
// std::runtime_error, with a one-line message that names the file, if one is missing, damaged or
// not of the expected shape.
Dataset ReadDataset(const std::string& dir, const std::string& prefix);

}  // namespace fashion
