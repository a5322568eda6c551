// Every format, as an explicit list: adding one is a header here, a row of formats.inc and its
// enumerator.
#pragma once

#include <string_view>

#include "deftnn/base/status.h"
#include "deftnn/ndf/formats/dfp16.h"
#include "deftnn/ndf/formats/format.h"
#include "deftnn/ndf/formats/fp32.h"

namespace deftnn {

inline constexpr Format kFormats[] = {
#define DEFTNN_FORMAT(enumerator, type) Format::enumerator,
#include "deftnn/ndf/formats/formats.inc"
#undef DEFTNN_FORMAT
};

/// Calls `visitor` with a value of the format's struct (Fp32, Dfp16, ...).
template <typename Visitor>
decltype(auto) VisitFormat(Format format, Visitor&& visitor) {
  switch (format) {
#define DEFTNN_FORMAT(enumerator, type) \
  case Format::enumerator:              \
    return visitor(type{});
#include "deftnn/ndf/formats/formats.inc"
#undef DEFTNN_FORMAT
  }
  DEFTNN_CHECK(false && "a format that is not in formats.inc");
  return visitor(Fp32{});
}

/// "fp32" or "dfp16"; an error that lists them otherwise.
inline Result<Format> ParseFormat(std::string_view name) {
  std::string names;
  for (const Format format : kFormats) {
    if (NameOf(format) == name) return format;
    names += (names.empty() ? "" : ", ") + std::string(NameOf(format));
  }
  return Error("unknown format '{}'", name).WithHint("one of " + names);
}

}  // namespace deftnn
