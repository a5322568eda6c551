#include "deftnn/onnx/external_data.h"

#include <algorithm>
#include <charconv>
#include <cstring>
#include <filesystem>

namespace deftnn {
namespace {

namespace fs = std::filesystem;

bool IsInside(const fs::path& folder, const fs::path& file) {
  const auto [at, rest] = std::mismatch(folder.begin(), folder.end(), file.begin(), file.end());
  return at == folder.end() && rest != file.end();
}

Result<uint64_t> ParseCount(const std::string& text, const char* what) {
  uint64_t value = 0;
  const char* end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, value);
  if (error != std::errc() || stop != end) {
    return Error("its external data has {} '{}', which is no byte count", what, text);
  }
  return value;
}

}  // namespace

Result<MappedFile> ExternalData::Open(const std::string& location) {
  const auto outside = [&] {
    return Error("its external data '{}' lies outside the model's folder", location)
        .WithHint("keep the data file beside the model, named relative to it");
  };
  if (location.empty()) return Error("its external data names no file");
  if (folder_.empty()) return Error("it has external data, but the model has no folder");
  if (location.find('\0') != std::string::npos || fs::path(location).is_absolute()) {
    return outside();
  }
  std::error_code error;
  const fs::path folder = fs::canonical(folder_, error);
  if (error) return Error("the model's folder cannot be resolved: {}", error.message());
  const fs::path file = fs::weakly_canonical(folder / location, error);
  if (error) return Error("its external data '{}': {}", location, error.message());
  if (!IsInside(folder, file)) return outside();
  const auto known = files_.find(file.string());
  if (known != files_.end()) return known->second;
  auto mapped = MappedFile::Open(file.string());
  if (!mapped.ok()) {
    return Error("its external data '{}' {}", location, mapped.status().reason());
  }
  files_.emplace(file.string(), *mapped);
  return mapped;
}

Result<Tensor> ExternalData::Read(const Place& place, ElementType type, const Shape& shape) {
  if (BitsOf(type) == 0) return Error("{} tensors cannot be external", NameOf(type));
  uint64_t offset = 0;
  if (!place.offset.empty()) {
    DEFTNN_ASSIGN_OR_RETURN(offset, ParseCount(place.offset, "an offset of"));
  }
  const uint64_t needed = (static_cast<uint64_t>(ElementCount(shape)) * BitsOf(type) + 7) / 8;
  if (!place.length.empty()) {
    DEFTNN_ASSIGN_OR_RETURN(const uint64_t length, ParseCount(place.length, "a length of"));
    if (length != needed) {
      return Error("its external data has {} bytes where its shape {} needs {}", length,
                   ToString(shape), needed);
    }
  }
  DEFTNN_ASSIGN_OR_RETURN(const MappedFile file, Open(place.location));
  const uint64_t size = file.bytes().size();
  if (offset > size || needed > size - offset) {
    return Error("its external data '{}' ends at byte {}, but bytes {} to {} are asked for",
                 place.location, size, offset, offset + needed);
  }
  if (needed == 0) return Tensor::Zeros(type, shape);
  const std::byte* bytes = file.bytes().data() + offset;
  if (offset % alignof(double) == 0) return Tensor::Borrow(type, shape, bytes, file.owner());
  Tensor tensor = Tensor::Zeros(type, shape);
  std::memcpy(tensor.mutable_data(), bytes, needed);
  return tensor;
}

}  // namespace deftnn
