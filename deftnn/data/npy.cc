#include "deftnn/data/npy.h"

#include <algorithm>
#include <cstring>
#include <optional>
#include <string_view>

#include "deftnn/base/file.h"

namespace deftnn {
namespace {

constexpr std::string_view kMagic{"\x93NUMPY", 6};

struct DtypeCode {
  const char* code;  // kind and bytes, without the byte order
  ElementType type;
};
constexpr DtypeCode kDtypes[] = {
    {"b1", ElementType::kBool},      {"i1", ElementType::kInt8},
    {"u1", ElementType::kUint8},     {"i2", ElementType::kInt16},
    {"u2", ElementType::kUint16},    {"i4", ElementType::kInt32},
    {"u4", ElementType::kUint32},    {"i8", ElementType::kInt64},
    {"u8", ElementType::kUint64},    {"f2", ElementType::kFloat16},
    {"f4", ElementType::kFloat32},   {"f8", ElementType::kFloat64},
    {"c8", ElementType::kComplex64}, {"c16", ElementType::kComplex128},
};

/// Bytes that are swapped as one in a big-endian file: half an element for complex types.
size_t SwapWidth(ElementType type) {
  const size_t width = static_cast<size_t>(BitsOf(type)) / 8;
  return type == ElementType::kComplex64 || type == ElementType::kComplex128 ? width / 2 : width;
}

/// Reads the Python dict literal of the header: {'descr': '<f4', 'fortran_order': False, 'shape':
/// (2, 3), }.
class HeaderParser {
 public:
  explicit HeaderParser(std::string_view text) : text_(text) {}

  struct Header {
    std::optional<std::string> descr;
    std::optional<bool> fortran_order;
    std::optional<Shape> shape;
  };

  Result<Header> Parse() {
    Header header;
    if (!Take('{')) return Malformed();
    while (!Take('}')) {
      const std::optional<std::string> key = String();
      if (!key || !Take(':')) return Malformed();
      if (*key == "descr") {
        header.descr = String();
        if (!header.descr) return Error("holds a structured array").WithHint("save a plain one");
      } else if (*key == "fortran_order") {
        header.fortran_order = Bool();
        if (!header.fortran_order) return Malformed();
      } else if (*key == "shape") {
        header.shape = Tuple();
        if (!header.shape) return Malformed();
      } else {
        return Malformed();
      }
      if (!Take(',') && Peek() != '}') return Malformed();
    }
    if (!header.descr || !header.fortran_order || !header.shape) return Malformed();
    return header;
  }

 private:
  static Status Malformed() { return Error("has a malformed .npy header"); }
  char Peek() {
    while (at_ < text_.size() && (text_[at_] == ' ' || text_[at_] == '\n')) ++at_;
    return at_ < text_.size() ? text_[at_] : '\0';
  }
  bool Take(char c) {
    if (Peek() != c || at_ >= text_.size()) return false;
    ++at_;
    return true;
  }
  std::optional<std::string> String() {
    const char quote = Peek();
    if (quote != '\'' && quote != '"') return std::nullopt;
    const size_t end = text_.find(quote, at_ + 1);
    if (end == std::string_view::npos) return std::nullopt;
    std::string value(text_.substr(at_ + 1, end - at_ - 1));
    at_ = end + 1;
    return value;
  }
  bool Word(std::string_view word) {
    Peek();
    if (text_.substr(at_, word.size()) != word) return false;
    at_ += word.size();
    return true;
  }
  std::optional<bool> Bool() {
    if (Word("True")) return true;
    if (Word("False")) return false;
    return std::nullopt;
  }
  std::optional<int64_t> Integer() {
    const bool negative = Take('-');
    if (Peek() < '0' || Peek() > '9') return std::nullopt;
    int64_t value = 0;
    for (; at_ < text_.size() && text_[at_] >= '0' && text_[at_] <= '9'; ++at_) {
      if (__builtin_mul_overflow(value, int64_t{10}, &value) ||
          __builtin_add_overflow(value, int64_t{text_[at_] - '0'}, &value)) {
        return std::nullopt;
      }
    }
    if (at_ < text_.size() && text_[at_] == 'L') ++at_;  // Python 2's long integers
    return negative ? -value : value;
  }
  std::optional<Shape> Tuple() {
    if (!Take('(')) return std::nullopt;
    Shape shape;
    while (!Take(')')) {
      const std::optional<int64_t> dim = Integer();
      if (!dim || shape.size() >= 64) return std::nullopt;
      shape.push_back(*dim);
      if (!Take(',') && Peek() != ')') return std::nullopt;
    }
    return shape;
  }

  std::string_view text_;
  size_t at_ = 0;
};

struct Dtype {
  ElementType type = ElementType::kUndefined;
  bool big_endian = false;
};

Result<Dtype> ParseDtype(const std::string& descr) {
  const char order = descr.empty() ? '\0' : descr[0];
  const bool has_order = order == '<' || order == '>' || order == '|' || order == '=';
  const std::string code = has_order ? descr.substr(1) : descr;
  for (const DtypeCode& dtype : kDtypes) {
    if (code == dtype.code) return Dtype{dtype.type, order == '>'};
  }
  return Error("has the dtype '{}', which is not numeric", descr.substr(0, 32))
      .WithHint("save integers, bool or float16/32/64");
}

/// Copies the column-major `source` to the row-major `target`.
void FortranToC(const std::byte* source, std::byte* target, const Shape& shape, size_t width) {
  const int64_t count = ElementCount(shape);
  const int rank = static_cast<int>(shape.size());
  Shape index(shape.size(), 0);
  Shape stride(shape.size(), 1);
  for (int d = 1; d < rank; ++d) stride[d] = stride[d - 1] * shape[d - 1];
  int64_t from = 0;
  for (int64_t i = 0; i < count; ++i) {
    std::memcpy(target + static_cast<size_t>(i) * width, source + static_cast<size_t>(from) * width,
                width);
    for (int d = rank - 1; d >= 0; --d) {
      from += stride[d];
      if (++index[d] < shape[d]) break;
      from -= stride[d] * shape[d];
      index[d] = 0;
    }
  }
}

void SwapBytes(std::byte* data, size_t bytes, size_t width) {
  if (width < 2) return;
  for (size_t i = 0; i + width <= bytes; i += width) std::reverse(data + i, data + i + width);
}

/// The header's text and what comes behind it.
struct Parts {
  std::string_view header;
  std::span<const std::byte> payload;
};

Result<Parts> SplitNpy(std::span<const std::byte> bytes) {
  const std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  if (text.size() < 10 || text.substr(0, 6) != kMagic) return Error("is not a .npy file");
  const int major = static_cast<unsigned char>(text[6]);
  if (major < 1 || major > 3) return Error("has the unknown .npy version {}", major);
  const size_t length_bytes = major == 1 ? 2 : 4;
  if (text.size() < 8 + length_bytes) return Error("ends inside its .npy header");
  size_t length = 0;
  for (size_t i = 0; i < length_bytes; ++i) {
    length |= static_cast<size_t>(static_cast<unsigned char>(text[8 + i])) << (8 * i);
  }
  const size_t start = 8 + length_bytes;
  if (length > text.size() - start) return Error("ends inside its .npy header");
  return Parts{text.substr(start, length), bytes.subspan(start + length)};
}

}  // namespace

Result<Tensor> ParseNpy(std::span<const std::byte> bytes) {
  DEFTNN_ASSIGN_OR_RETURN(const Parts parts, SplitNpy(bytes));
  DEFTNN_ASSIGN_OR_RETURN(HeaderParser::Header header, HeaderParser(parts.header).Parse());
  DEFTNN_ASSIGN_OR_RETURN(const Dtype dtype, ParseDtype(*header.descr));
  DEFTNN_RETURN_IF_ERROR(CheckShape(dtype.type, *header.shape));
  const size_t width = static_cast<size_t>(BitsOf(dtype.type)) / 8;
  const size_t expected = static_cast<size_t>(ElementCount(*header.shape)) * width;
  if (parts.payload.size() != expected) {
    return Error("holds {} bytes of data where a {} array of shape {} has {}", parts.payload.size(),
                 NameOf(dtype.type), ToString(*header.shape), expected);
  }
  Tensor tensor = Tensor::Zeros(dtype.type, *header.shape);
  std::byte* target = tensor.mutable_data();
  if (*header.fortran_order && header.shape->size() > 1) {
    FortranToC(parts.payload.data(), target, *header.shape, width);
  } else if (expected > 0) {
    std::memcpy(target, parts.payload.data(), expected);
  }
  if (dtype.big_endian) SwapBytes(target, expected, SwapWidth(dtype.type));
  if (dtype.type == ElementType::kBool) {  // a bool object may hold 0 and 1 only
    for (size_t i = 0; i < expected; ++i) target[i] = std::byte{target[i] != std::byte{0}};
  }
  return tensor;
}

Result<Tensor> ReadNpy(const std::string& path) {
  DEFTNN_ASSIGN_OR_RETURN(const MappedFile file, MappedFile::Open(path));
  Result<Tensor> tensor = ParseNpy(file.bytes());
  if (!tensor.ok()) return tensor.status().WithFile(path);
  return tensor;
}

Result<std::string> EncodeNpy(const Tensor& tensor) {
  if (tensor.type() == ElementType::kBfloat16) {
    DEFTNN_ASSIGN_OR_RETURN(const Tensor wide, ToFloat32(tensor));
    return EncodeNpy(wide);
  }
  std::string descr;
  for (const DtypeCode& dtype : kDtypes) {
    if (dtype.type == tensor.type()) descr = dtype.code;
  }
  if (descr.empty()) return Error("a {} tensor has no .npy dtype", NameOf(tensor.type()));
  const bool one_byte = BitsOf(tensor.type()) == 8;
  std::string shape;
  for (int64_t dim : tensor.shape()) shape += fmt::format("{}, ", dim);
  std::string header = fmt::format("{{'descr': '{}{}', 'fortran_order': False, 'shape': ({}), }}",
                                   one_byte ? '|' : '<', descr, shape);
  const size_t length_bytes = header.size() + 65 > 65535 ? 4 : 2;
  const size_t unpadded = 8 + length_bytes + header.size() + 1;
  header.append((64 - unpadded % 64) % 64, ' ');
  header += '\n';
  std::string out(kMagic);
  out += static_cast<char>(length_bytes == 2 ? 1 : 2);
  out += '\0';
  for (size_t i = 0; i < length_bytes; ++i) {
    out += static_cast<char>((header.size() >> (8 * i)) & 0xff);
  }
  out += header;
  out.append(reinterpret_cast<const char*>(tensor.data()), tensor.bytes());
  return out;
}

Status WriteNpy(const std::string& path, const Tensor& tensor) {
  Result<std::string> contents = EncodeNpy(tensor);
  if (!contents.ok()) return contents.status().WithFile(path);
  return WriteFileAtomically(path, *contents);
}

}  // namespace deftnn
