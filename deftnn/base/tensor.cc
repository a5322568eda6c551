#include "deftnn/base/tensor.h"

#include <cstring>

#include "deftnn/base/half.h"

namespace deftnn {

int64_t ElementCount(const Shape& shape) {
  int64_t count = 1;
  for (int64_t dim : shape) count *= dim;
  return count;
}

Status CheckShape(ElementType type, const Shape& shape, int64_t max_bytes) {
  const int64_t bits = BitsOf(type) == 0 ? 8 : BitsOf(type);
  int64_t count = 1;
  bool empty = false;
  for (int64_t dim : shape) {
    if (dim < 0) return Error("dimension {} in shape {} is negative", dim, ToString(shape));
    if (dim == 0) empty = true;
    if (dim != 0 && __builtin_mul_overflow(count, dim, &count)) {
      return Error("shape {} has more elements than can be counted", ToString(shape));
    }
  }
  if (!empty && count > max_bytes / ((bits + 7) / 8)) {
    return Error("a {} tensor of shape {} exceeds the limit of {} bytes", NameOf(type),
                 ToString(shape), max_bytes);
  }
  return {};
}

std::string ToString(const Shape& shape) {
  return shape.empty() ? "scalar" : fmt::format("{}", fmt::join(shape, "x"));
}

Tensor Tensor::Zeros(ElementType type, Shape shape) {
  DEFTNN_CHECK(type != ElementType::kString && type != ElementType::kUndefined);
  Tensor tensor;
  tensor.type_ = type;
  tensor.size_ = ElementCount(shape);
  tensor.shape_ = std::move(shape);
  tensor.owned_ = AllocateAligned(tensor.bytes());
  tensor.data_ = tensor.owned_.get();
  return tensor;
}

Tensor Tensor::Strings(Shape shape, std::vector<std::string> values) {
  Tensor tensor;
  tensor.type_ = ElementType::kString;
  tensor.size_ = ElementCount(shape);
  tensor.shape_ = std::move(shape);
  DEFTNN_CHECK(static_cast<size_t>(tensor.size_) == values.size());
  tensor.strings_ = std::make_shared<const std::vector<std::string>>(std::move(values));
  return tensor;
}

Tensor Tensor::Borrow(ElementType type, Shape shape, const void* bytes,
                      std::shared_ptr<const void> owner) {
  Tensor tensor;
  tensor.type_ = type;
  tensor.size_ = ElementCount(shape);
  tensor.shape_ = std::move(shape);
  tensor.data_ = static_cast<const std::byte*>(bytes);
  tensor.owner_ = std::move(owner);
  return tensor;
}

size_t Tensor::bytes() const { return (static_cast<size_t>(size_) * BitsOf(type_) + 7) / 8; }

std::byte* Tensor::mutable_data() {
  DEFTNN_CHECK(type_ != ElementType::kString);
  if (owned_ == nullptr || owned_.use_count() > 1) {
    auto copy = AllocateAligned(bytes());
    if (bytes() > 0) std::memcpy(copy.get(), data_, bytes());
    owned_ = std::move(copy);
    owner_.reset();
    data_ = owned_.get();
  }
  return owned_.get();
}

std::span<const uint16_t> Tensor::codes16() const {
  DEFTNN_CHECK(BitsOf(type_) == 16);
  return {reinterpret_cast<const uint16_t*>(data_), static_cast<size_t>(size_)};
}

std::span<uint16_t> Tensor::mutable_codes16() {
  DEFTNN_CHECK(BitsOf(type_) == 16);
  return {reinterpret_cast<uint16_t*>(mutable_data()), static_cast<size_t>(size_)};
}

const std::vector<std::string>& Tensor::strings() const {
  DEFTNN_CHECK(type_ == ElementType::kString);
  return *strings_;
}

Tensor Tensor::Reshaped(Shape shape) const {
  DEFTNN_CHECK(ElementCount(shape) == size_);
  Tensor tensor = *this;
  tensor.shape_ = std::move(shape);
  return tensor;
}

Result<Tensor> ToFloat32(const Tensor& tensor) {
  if (tensor.type() == ElementType::kFloat32) return tensor;
  if (tensor.type() == ElementType::kFloat16 || tensor.type() == ElementType::kBfloat16) {
    Tensor out = Tensor::Zeros(ElementType::kFloat32, tensor.shape());
    auto values = out.mutable_values<float>();
    const auto codes = tensor.codes16();
    const bool half = tensor.type() == ElementType::kFloat16;
    for (size_t i = 0; i < codes.size(); ++i) {
      values[i] = half ? DecodeFloat16(codes[i]) : DecodeBfloat16(codes[i]);
    }
    return out;
  }
  Tensor out = Tensor::Zeros(ElementType::kFloat32, tensor.shape());
  auto values = out.mutable_values<float>();
  const bool known = VisitArithmetic(tensor.type(), [&](auto sample) {
    using T = decltype(sample);
    const auto in = tensor.values<T>();
    for (size_t i = 0; i < in.size(); ++i) values[i] = static_cast<float>(in[i]);
  });
  if (!known) return Error("cannot read a {} tensor as float32", NameOf(tensor.type()));
  return out;
}

Result<std::vector<int64_t>> ToInt64Vector(const Tensor& tensor) {
  if (tensor.type() == ElementType::kInt64) {
    const auto values = tensor.values<int64_t>();
    return std::vector<int64_t>(values.begin(), values.end());
  }
  if (tensor.type() == ElementType::kInt32) {
    const auto values = tensor.values<int32_t>();
    return std::vector<int64_t>(values.begin(), values.end());
  }
  return Error("expected an int64 tensor, got {}", NameOf(tensor.type()));
}

bool Identical(const Tensor& a, const Tensor& b) {
  if (a.type() != b.type() || a.shape() != b.shape()) return false;
  if (a.type() == ElementType::kString) return a.strings() == b.strings();
  return a.bytes() == 0 || std::memcmp(a.data(), b.data(), a.bytes()) == 0;
}

}  // namespace deftnn
