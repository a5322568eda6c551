#include "deftnn/data/idx.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <filesystem>

#include "deftnn/base/file.h"
#include "deftnn/data/inflate.h"

namespace deftnn {
namespace {

ElementType TypeOf(std::byte code) {
  switch (std::to_integer<int>(code)) {
    case 0x08:
      return ElementType::kUint8;
    case 0x09:
      return ElementType::kInt8;
    case 0x0b:
      return ElementType::kInt16;
    case 0x0c:
      return ElementType::kInt32;
    case 0x0d:
      return ElementType::kFloat32;
    case 0x0e:
      return ElementType::kFloat64;
    default:
      return ElementType::kUndefined;
  }
}

/// The file's bytes in order, whether gzipped or not.
class Source {
 public:
  explicit Source(std::span<const std::byte> bytes)
      : gzip_(IsGzip(bytes)),
        size_(bytes.size()),
        rest_(bytes),
        inflater_(bytes, Inflater::Wrapping::kGzip) {}

  Status Fill(std::span<std::byte> out) {
    if (gzip_) return inflater_.Fill(out);
    if (out.size() > rest_.size()) return Error("ends before its data does");
    if (!out.empty()) std::memcpy(out.data(), rest_.data(), out.size());
    rest_ = rest_.subspan(out.size());
    return {};
  }
  Status ExpectEnd() {
    if (gzip_) return inflater_.ExpectEnd();
    if (!rest_.empty()) return Error("holds {} bytes more than it says", rest_.size());
    return {};
  }
  /// No file of this size can hold more bytes than this.
  size_t MostBytes() const { return gzip_ ? size_ * kMaxInflation : size_; }

 private:
  bool gzip_;
  size_t size_;
  std::span<const std::byte> rest_;
  Inflater inflater_;
};

}  // namespace

bool LooksLikeIdx(std::span<const std::byte> bytes) {
  return bytes.size() >= 4 && bytes[0] == std::byte{0} && bytes[1] == std::byte{0} &&
         TypeOf(bytes[2]) != ElementType::kUndefined && bytes[3] != std::byte{0} &&
         std::to_integer<int>(bytes[3]) <= 8;
}

Result<Tensor> ParseIdx(std::span<const std::byte> bytes) {
  Source source(bytes);
  std::array<std::byte, 4> magic{};
  DEFTNN_RETURN_IF_ERROR(source.Fill(magic));
  if (!LooksLikeIdx(magic)) return Error("is not an IDX file");
  const ElementType type = TypeOf(magic[2]);
  Shape shape;
  for (int d = 0; d < std::to_integer<int>(magic[3]); ++d) {
    std::array<std::byte, 4> big{};
    DEFTNN_RETURN_IF_ERROR(source.Fill(big));
    int64_t dim = 0;
    for (std::byte b : big) dim = dim << 8 | std::to_integer<int64_t>(b);
    shape.push_back(dim);
  }
  DEFTNN_RETURN_IF_ERROR(CheckShape(type, shape));
  const size_t width = static_cast<size_t>(BitsOf(type)) / 8;
  const size_t expected = static_cast<size_t>(ElementCount(shape)) * width;
  if (expected > source.MostBytes()) {
    return Error("says that its shape is {} but is far too small for it", ToString(shape));
  }
  Tensor tensor = Tensor::Zeros(type, shape);
  const std::span<std::byte> out(tensor.mutable_data(), expected);
  DEFTNN_RETURN_IF_ERROR(source.Fill(out));
  DEFTNN_RETURN_IF_ERROR(source.ExpectEnd());
  if (width > 1) {
    for (size_t i = 0; i < expected; i += width) {
      std::reverse(out.data() + i, out.data() + i + width);
    }
  }
  return tensor;
}

Result<Tensor> ReadIdx(const std::string& path) {
  DEFTNN_ASSIGN_OR_RETURN(const MappedFile file, MappedFile::Open(path));
  Result<Tensor> tensor = ParseIdx(file.bytes());
  if (!tensor.ok()) return tensor.status().WithFile(path);
  return tensor;
}

std::string SiblingLabels(const std::string& images_path) {
  const std::filesystem::path path(images_path);
  std::string name = path.filename().string();
  const size_t images = name.rfind("images");
  const size_t rank = name.rfind("idx3");
  if (images == std::string::npos || rank == std::string::npos || rank < images) return "";
  name.replace(rank, 4, "idx1").replace(images, 6, "labels");
  const std::string plain = name.ends_with(".gz") ? name.substr(0, name.size() - 3) : name;
  for (const std::string& candidate : {name, plain, plain + ".gz"}) {
    std::error_code ignored;
    const std::filesystem::path sibling = path.parent_path() / candidate;
    if (std::filesystem::is_regular_file(sibling, ignored)) return sibling.string();
  }
  return "";
}

}  // namespace deftnn
