// What goes into a network and what comes out of it: dense arrays, last dimension fastest.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace deftnn::v1 {

/// ONNX's element types, with ONNX's numbers. Four-bit types are packed two a byte, low half first.
enum class ElementType : std::int8_t {
  kUndefined = 0,
  kFloat32 = 1,
  kUint8 = 2,
  kInt8 = 3,
  kUint16 = 4,
  kInt16 = 5,
  kInt32 = 6,
  kInt64 = 7,
  kString = 8,
  kBool = 9,
  kFloat16 = 10,
  kFloat64 = 11,
  kUint32 = 12,
  kUint64 = 13,
  kComplex64 = 14,
  kComplex128 = 15,
  kBfloat16 = 16,
  kFloat8E4M3Fn = 17,
  kFloat8E4M3Fnuz = 18,
  kFloat8E5M2 = 19,
  kFloat8E5M2Fnuz = 20,
  kUint4 = 21,
  kInt4 = 22,
};

/// The element type of a C++ type; kUndefined for types that no tensor holds.
template <typename T>
inline constexpr ElementType kTypeOf = ElementType::kUndefined;
template <>
inline constexpr ElementType kTypeOf<float> = ElementType::kFloat32;
template <>
inline constexpr ElementType kTypeOf<double> = ElementType::kFloat64;
template <>
inline constexpr ElementType kTypeOf<std::int8_t> = ElementType::kInt8;
template <>
inline constexpr ElementType kTypeOf<std::uint8_t> = ElementType::kUint8;
template <>
inline constexpr ElementType kTypeOf<std::int16_t> = ElementType::kInt16;
template <>
inline constexpr ElementType kTypeOf<std::uint16_t> = ElementType::kUint16;
template <>
inline constexpr ElementType kTypeOf<std::int32_t> = ElementType::kInt32;
template <>
inline constexpr ElementType kTypeOf<std::uint32_t> = ElementType::kUint32;
template <>
inline constexpr ElementType kTypeOf<std::int64_t> = ElementType::kInt64;
template <>
inline constexpr ElementType kTypeOf<std::uint64_t> = ElementType::kUint64;
template <>
inline constexpr ElementType kTypeOf<bool> = ElementType::kBool;

/// Dimensions, outermost first; empty for a scalar. -1 in a TensorInfo is a dimension left open.
using Shape = std::vector<std::int64_t>;

/// An input or output as the model declares it.
struct TensorInfo {
  std::string name;
  ElementType type = ElementType::kUndefined;  // kUndefined where the model does not say
  bool has_shape = false;                      // false where not even the rank is declared
  Shape shape;                                 // -1 for dimensions known only at run time
};

/// An array of the caller's, borrowed for the length of one call.
struct TensorView {
  ElementType type = ElementType::kUndefined;
  Shape shape;
  std::span<const std::byte> bytes;  // exactly as many as type and shape take; any alignment

  /// TensorView::Of(std::span<const float>(pixels), {1, 1, 28, 28})
  template <typename T>
  static TensorView Of(std::span<const T> values, Shape shape) {
    static_assert(kTypeOf<T> != ElementType::kUndefined, "no tensor holds this type");
    return {kTypeOf<T>, std::move(shape), std::as_bytes(values)};
  }
  template <typename T>
  static TensorView Of(const std::vector<T>& values, Shape shape) {
    return Of(std::span<const T>(values), std::move(shape));
  }
};

/// A result. Copies share the elements, which never change: safe to read from several threads.
class Tensor {
 public:
  Tensor() = default;
  /// `elements` points at `byte_size` bytes of `type` and `shape`, and keeps them alive.
  Tensor(ElementType type, Shape shape, std::size_t byte_size, std::shared_ptr<const void> elements)
      : type_(type),
        shape_(std::move(shape)),
        byte_size_(byte_size),
        elements_(std::move(elements)) {}

  ElementType type() const { return type_; }
  const Shape& shape() const { return shape_; }
  std::span<const std::byte> bytes() const {
    return {static_cast<const std::byte*>(elements_.get()), byte_size_};
  }
  /// The elements, last dimension fastest; empty when T is not the tensor's type.
  template <typename T>
  std::span<const T> values() const {
    if (kTypeOf<T> == ElementType::kUndefined || kTypeOf<T> != type_) return {};
    return {static_cast<const T*>(elements_.get()), byte_size_ / sizeof(T)};
  }
  /// The same as an input of another network; this tensor must outlive it.
  TensorView view() const { return {type_, shape_, bytes()}; }

 private:
  ElementType type_ = ElementType::kUndefined;
  Shape shape_;
  std::size_t byte_size_ = 0;
  std::shared_ptr<const void> elements_;
};

}  // namespace deftnn::v1
