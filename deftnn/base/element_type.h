// The element types of ONNX, with ONNX's numbers.
#pragma once

#include <cstdint>
#include <string_view>
#include <type_traits>

namespace deftnn {

enum class ElementType : int8_t {
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

/// Bits of one element in memory; 0 for undefined and string. Four-bit types are packed two a byte.
int BitsOf(ElementType type);
/// "float32", "int64", ...
std::string_view NameOf(ElementType type);

template <typename T>
inline constexpr ElementType kTypeOf = ElementType::kUndefined;
template <>
inline constexpr ElementType kTypeOf<float> = ElementType::kFloat32;
template <>
inline constexpr ElementType kTypeOf<double> = ElementType::kFloat64;
template <>
inline constexpr ElementType kTypeOf<int8_t> = ElementType::kInt8;
template <>
inline constexpr ElementType kTypeOf<uint8_t> = ElementType::kUint8;
template <>
inline constexpr ElementType kTypeOf<int16_t> = ElementType::kInt16;
template <>
inline constexpr ElementType kTypeOf<uint16_t> = ElementType::kUint16;
template <>
inline constexpr ElementType kTypeOf<int32_t> = ElementType::kInt32;
template <>
inline constexpr ElementType kTypeOf<uint32_t> = ElementType::kUint32;
template <>
inline constexpr ElementType kTypeOf<int64_t> = ElementType::kInt64;
template <>
inline constexpr ElementType kTypeOf<uint64_t> = ElementType::kUint64;
template <>
inline constexpr ElementType kTypeOf<bool> = ElementType::kBool;

/// Calls `visitor` with a value of the C++ type that holds `type` (float, double, the integers,
/// bool) and returns true; returns false for the types that C++ has no arithmetic type for.
template <typename Visitor>
bool VisitArithmetic(ElementType type, Visitor&& visitor) {
  switch (type) {
    case ElementType::kFloat32:
      visitor(float{});
      return true;
    case ElementType::kFloat64:
      visitor(double{});
      return true;
    case ElementType::kInt8:
      visitor(int8_t{});
      return true;
    case ElementType::kUint8:
      visitor(uint8_t{});
      return true;
    case ElementType::kInt16:
      visitor(int16_t{});
      return true;
    case ElementType::kUint16:
      visitor(uint16_t{});
      return true;
    case ElementType::kInt32:
      visitor(int32_t{});
      return true;
    case ElementType::kUint32:
      visitor(uint32_t{});
      return true;
    case ElementType::kInt64:
      visitor(int64_t{});
      return true;
    case ElementType::kUint64:
      visitor(uint64_t{});
      return true;
    case ElementType::kBool:
      visitor(bool{});
      return true;
    default:
      return false;
  }
}

}  // namespace deftnn
