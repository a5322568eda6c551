// A dense tensor of any ONNX element type: shared, immutable until asked for writing.
#pragma once

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "deftnn/base/check.h"
#include "deftnn/base/element_type.h"
#include "deftnn/base/memory.h"
#include "deftnn/base/status.h"

namespace deftnn {

using Shape = std::vector<int64_t>;

/// The product of the dimensions (1 for a scalar). The dimensions are known to be sane: see
/// CheckShape.
int64_t ElementCount(const Shape& shape);
/// Refuses negative dimensions and shapes whose bytes would overflow or exceed `max_bytes`.
Status CheckShape(ElementType type, const Shape& shape, int64_t max_bytes = int64_t{1} << 40);
/// "1x3x224x224", "scalar" for rank 0.
std::string ToString(const Shape& shape);

class Tensor {
 public:
  Tensor() = default;

  /// Zero-filled; 64-byte aligned, with at least 64 readable zero bytes behind the last element.
  static Tensor Zeros(ElementType type, Shape shape);
  template <typename T>
  static Tensor Of(Shape shape, std::span<const T> values);
  template <typename T>
  static Tensor Of(Shape shape, const std::vector<T>& values) {
    return Of<T>(std::move(shape), std::span<const T>(values));
  }
  template <typename T>
  static Tensor Scalar(T value) {
    return Of<T>({}, std::span<const T>(&value, 1));
  }
  /// Strings are a type of their own: one std::string an element.
  static Tensor Strings(Shape shape, std::vector<std::string> values);
  /// Reads `bytes` in place (a mapped file): `owner` keeps them alive.
  static Tensor Borrow(ElementType type, Shape shape, const void* bytes,
                       std::shared_ptr<const void> owner);

  bool defined() const { return type_ != ElementType::kUndefined; }
  ElementType type() const { return type_; }
  const Shape& shape() const { return shape_; }
  int rank() const { return static_cast<int>(shape_.size()); }
  int64_t dim(int axis) const { return shape_.at(axis < 0 ? axis + rank() : axis); }
  int64_t size() const { return size_; }
  /// Bytes of the elements (four-bit types are packed); 0 for strings.
  size_t bytes() const;

  const std::byte* data() const { return data_; }
  /// Unique after this call: a shared or borrowed buffer is copied first.
  std::byte* mutable_data();

  template <typename T>
  std::span<const T> values() const {
    DEFTNN_CHECK(type_ == kTypeOf<T>);
    return {reinterpret_cast<const T*>(data_), static_cast<size_t>(size_)};
  }
  template <typename T>
  std::span<T> mutable_values() {
    DEFTNN_CHECK(type_ == kTypeOf<T>);
    return {reinterpret_cast<T*>(mutable_data()), static_cast<size_t>(size_)};
  }
  /// The raw 16-bit codes of float16 and bfloat16 tensors.
  std::span<const uint16_t> codes16() const;
  std::span<uint16_t> mutable_codes16();
  const std::vector<std::string>& strings() const;

  /// The same elements under another shape of the same element count.
  Tensor Reshaped(Shape shape) const;

 private:
  ElementType type_ = ElementType::kUndefined;
  Shape shape_;
  int64_t size_ = 0;
  const std::byte* data_ = nullptr;
  std::shared_ptr<std::byte> owned_;   // null when borrowed
  std::shared_ptr<const void> owner_;  // what keeps borrowed bytes alive
  std::shared_ptr<const std::vector<std::string>> strings_;
};

/// Every float type, integer and bool as float32 (float16 and bfloat16 decoded); an error for the
/// others.
Result<Tensor> ToFloat32(const Tensor& tensor);
/// The values of an int64 or int32 tensor as int64; an error for other types.
Result<std::vector<int64_t>> ToInt64Vector(const Tensor& tensor);
/// Equal type, shape and bytes.
bool Identical(const Tensor& a, const Tensor& b);

template <typename T>
// NOLINTNEXTLINE(performance-unnecessary-value-param): moved from, which the check misses
Tensor Tensor::Of(Shape shape, std::span<const T> values) {
  Tensor tensor = Zeros(kTypeOf<T>, std::move(shape));
  DEFTNN_CHECK(static_cast<size_t>(tensor.size()) == values.size());
  T* out = reinterpret_cast<T*>(tensor.mutable_data());
  for (size_t i = 0; i < values.size(); ++i) out[i] = values[i];
  return tensor;
}
template <>
inline Tensor Tensor::Of<bool>(Shape shape, const std::vector<bool>& values) {
  Tensor tensor = Zeros(ElementType::kBool, std::move(shape));
  bool* out = reinterpret_cast<bool*>(tensor.mutable_data());
  for (size_t i = 0; i < values.size(); ++i) out[i] = values[i];
  return tensor;
}

}  // namespace deftnn
