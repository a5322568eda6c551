// The formats that a tensor can be kept in between layers.
#pragma once

#include <cstdint>
#include <string_view>

namespace deftnn {

enum class Format : uint8_t {
  kFp32 = 0,   // IEEE binary32
  kDfp16 = 1,  // 1 sign, 8 exponent, 7 mantissa bits: dfp16.h
};

constexpr int BytesOf(Format format) { return format == Format::kFp32 ? 4 : 2; }
constexpr std::string_view NameOf(Format format) {
  return format == Format::kFp32 ? "fp32" : "dfp16";
}

}  // namespace deftnn
