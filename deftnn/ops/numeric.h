// Arithmetic that operators share: type dispatch, checks of types, and integers that wrap.
#pragma once

#include <algorithm>
#include <cmath>
#include <limits>
#include <type_traits>

#include "deftnn/ops/op.h"

namespace deftnn {

/// Calls `visitor` with a float or a double; returns false for other types.
template <typename Visitor>
bool VisitFloat(ElementType type, Visitor&& visitor) {
  if (type == ElementType::kFloat32) {
    visitor(float{});
    return true;
  }
  if (type == ElementType::kFloat64) {
    visitor(double{});
    return true;
  }
  return false;
}

/// Calls `visitor` with a value of the C++ type that holds `type`, bool excepted.
template <typename Visitor>
bool VisitNumber(ElementType type, Visitor&& visitor) {
  if (type == ElementType::kBool) return false;
  return VisitArithmetic(type, [&](auto sample) {
    if constexpr (!std::is_same_v<decltype(sample), bool>) visitor(sample);
  });
}

inline bool IsFloat(ElementType type) {
  return VisitFloat(type, [](auto) {});
}
inline bool IsNumber(ElementType type) {
  return VisitNumber(type, [](auto) {});
}

inline Status TypeError(const Node& node, ElementType type) {
  return Error("{} does not take {}", node.op, NameOf(type));
}

/// Input i must be float32 or float64.
inline Status CheckFloat(const InferContext& context, size_t i) {
  return IsFloat(context.type(i)) ? Status() : TypeError(context.node(), context.type(i));
}
/// Input i must be a number (not a bool, a string, or a 16-bit or smaller float).
inline Status CheckNumber(const InferContext& context, size_t i) {
  return IsNumber(context.type(i)) ? Status() : TypeError(context.node(), context.type(i));
}
/// Input i, when it is there, must be of input 0's type.
inline Status CheckSameType(const InferContext& context, size_t i) {
  if (!context.has_input(i) || context.type(i) == context.type(0)) return {};
  return Error("its inputs 0 and {} are of types {} and {}, which must be equal", i,
               NameOf(context.type(0)), NameOf(context.type(i)));
}

/// What long sums are kept in: float64 for floats; for integers the 64 bits that wrap.
template <typename T>
using Accumulator = std::conditional_t<std::is_floating_point_v<T>, double, uint64_t>;

/// Modulo 2^bits for integers (never undefined), plain for floats.
template <typename T>
T WrappingAdd(T a, T b) {
  if constexpr (std::is_floating_point_v<T>) return a + b;
  return static_cast<T>(static_cast<uint64_t>(a) + static_cast<uint64_t>(b));
}
template <typename T>
T WrappingSub(T a, T b) {
  if constexpr (std::is_floating_point_v<T>) return a - b;
  return static_cast<T>(static_cast<uint64_t>(a) - static_cast<uint64_t>(b));
}
template <typename T>
T WrappingMul(T a, T b) {
  if constexpr (std::is_floating_point_v<T>) return a * b;
  return static_cast<T>(static_cast<uint64_t>(a) * static_cast<uint64_t>(b));
}

/// Truncates towards zero; what does not fit becomes the nearest limit, NaN becomes 0.
template <typename T>
T SaturatingCast(double value) {
  if constexpr (std::is_floating_point_v<T>) {
    return static_cast<T>(value);
  } else {
    if (std::isnan(value)) return T{0};
    // The limits of 64-bit types round up to powers of two as doubles, hence >=.
    if (value >= static_cast<double>(std::numeric_limits<T>::max())) {
      return std::numeric_limits<T>::max();
    }
    if (value <= static_cast<double>(std::numeric_limits<T>::lowest())) {
      return std::numeric_limits<T>::lowest();
    }
    return static_cast<T>(value);
  }
}

}  // namespace deftnn
