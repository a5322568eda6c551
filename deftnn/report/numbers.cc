#include "deftnn/report/numbers.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>

namespace deftnn {
namespace {

constexpr const char* kUnknownText = "-";

/// Three significant digits of a value in [1, 1000).
std::string ThreeDigits(double value) {
  return fmt::format("{:.{}f}", value, value < 9.995 ? 2 : value < 99.95 ? 1 : 0);
}

std::string Scaled(int64_t value, const std::array<const char*, 6>& units) {
  double scaled = static_cast<double>(value);
  size_t unit = 0;
  while (std::abs(scaled) >= 999.5 && unit + 1 < units.size()) {
    scaled /= 1000;
    ++unit;
  }
  if (unit == 0) return fmt::format("{}{}", value, units[0]);
  return ThreeDigits(scaled) + units[unit];
}

}  // namespace

std::string FormatCount(int64_t count) { return Scaled(count, {"", " k", " M", " G", " T", " P"}); }

std::string FormatBytes(int64_t bytes) {
  return Scaled(bytes, {" B", " kB", " MB", " GB", " TB", " PB"});
}

std::string FormatMilliseconds(double ms) {
  if (!std::isfinite(ms)) return kUnknownText;
  if (ms >= 999.5) return ThreeDigits(ms / 1000) + " s";
  if (ms >= 0.9995) return ThreeDigits(ms) + " ms";
  return ThreeDigits(std::max(0.0, ms * 1000)) + " us";
}

std::string FormatDuration(double seconds) {
  if (!std::isfinite(seconds)) return kUnknownText;
  const auto whole = static_cast<int64_t>(std::clamp(std::round(seconds), 0.0, 1e9));
  if (whole >= 3600) return fmt::format("{} h {:02} min", whole / 3600, whole / 60 % 60);
  if (whole >= 60) return fmt::format("{} min {:02} s", whole / 60, whole % 60);
  return fmt::format("{} s", whole);
}

std::string FormatPercent(double percent, int digits) {
  if (!std::isfinite(percent)) return kUnknownText;
  return fmt::format("{:.{}f} %", percent, digits);
}

std::string FormatRatio(double ratio) {
  if (!std::isfinite(ratio)) return kUnknownText;
  return fmt::format("{:.{}f}x", ratio, ratio >= 99.95 ? 0 : ratio >= 9.995 ? 1 : 2);
}

std::string FormatPoints(double points) {
  if (!std::isfinite(points)) return kUnknownText;
  if (std::abs(points) < 0.005) return "0.00";
  return fmt::format("{:+.2f}", points);
}

std::string FormatNumber(double value) {
  if (!std::isfinite(value)) return kUnknownText;
  if (std::abs(value) >= 1000) return fmt::format("{:.0f}", value);
  return fmt::format("{:.3g}", value);
}

}  // namespace deftnn
