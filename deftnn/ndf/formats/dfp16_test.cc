#include "deftnn/ndf/formats/dfp16.h"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <limits>
#include <vector>

#include "deftnn/base/rng.h"
#include "deftnn/ndf/formats/dfp16-inl.h"
#include "deftnn/ndf/formats/formats.h"

namespace deftnn {
namespace {

namespace hn = hwy::HWY_NAMESPACE;

/// The value of a code from the definition of the format, by arithmetic.
double ValueOf(uint32_t code) {
  const double sign = code >> 15 ? -1 : 1;
  const int exponent = static_cast<int>(code >> 7 & 0xff), mantissa = static_cast<int>(code & 0x7f);
  if (exponent == 255) {
    return mantissa != 0 ? std::numeric_limits<double>::quiet_NaN()
                         : sign * std::numeric_limits<double>::infinity();
  }
  if (exponent == 0) return sign * std::ldexp(mantissa / 128.0, -126);
  return sign * std::ldexp(1 + mantissa / 128.0, exponent - 127);
}

TEST(Dfp16, EveryCodeDecodesToItsValueAndEncodesBack) {
  for (uint32_t code = 0; code < 65536; ++code) {
    const float decoded = Dfp16::Decode(static_cast<uint16_t>(code));
    const double expected = ValueOf(code);
    const uint16_t again = Dfp16::Encode(decoded);
    if (std::isnan(expected)) {
      ASSERT_TRUE(std::isnan(decoded)) << code;
      ASSERT_TRUE(std::isnan(ValueOf(again))) << code;
      ASSERT_EQ(again, code | 0x40) << "only the quiet bit may change";
      continue;
    }
    ASSERT_EQ(static_cast<double>(decoded), expected) << code;
    ASSERT_EQ(std::signbit(decoded), code >> 15 != 0) << code;
    ASSERT_EQ(again, code);
  }
}

/// Nearest code by comparing distances in double, ties to the even code. `value` is finite, >= 0.
uint16_t NearestCode(float value) {
  uint32_t low = std::bit_cast<uint32_t>(value) >> 16;  // the largest code that is <= value
  const double below = value - ValueOf(low);
  // The step past the largest finite code counts as if the exponent went on.
  const double next = low + 1 == 0x7f80 ? 0x1p128 : ValueOf(low + 1);
  const double above = next - value;
  if (above < below || (above == below && low % 2 == 1)) ++low;
  return static_cast<uint16_t>(low);
}

TEST(Dfp16, RoundsToNearestEven) {
  // Around every code: exact, one float beside it, both sides of the tie, and the tie itself.
  for (uint32_t code = 0; code < 0x7f80; ++code) {
    for (const uint32_t low : {0u, 1u, 0x1234u, 0x7fffu, 0x8000u, 0x8001u, 0xffffu}) {
      const float value = std::bit_cast<float>(code << 16 | low);
      const uint16_t expected = NearestCode(value);
      ASSERT_EQ(Dfp16::Encode(value), expected) << value;
      ASSERT_EQ(Dfp16::Encode(-value), expected | 0x8000) << value;
    }
  }
}

TEST(Dfp16, KnownRoundings) {
  EXPECT_EQ(Dfp16::Encode(1.0f), 0x3f80);
  EXPECT_EQ(Dfp16::Encode(0x1.01p0f), 0x3f80);        // tie, down to even
  EXPECT_EQ(Dfp16::Encode(0x1.03p0f), 0x3f82);        // tie, up to even
  EXPECT_EQ(Dfp16::Encode(0x1.fep127f), 0x7f7f);      // the largest finite value
  EXPECT_EQ(Dfp16::Encode(0x1.fefffep127f), 0x7f7f);  // just below the tie with infinity
  EXPECT_EQ(Dfp16::Encode(0x1.ffp127f), 0x7f80);      // the tie goes to infinity
  EXPECT_EQ(Dfp16::Encode(std::numeric_limits<float>::max()), 0x7f80);
  EXPECT_EQ(Dfp16::Encode(0x1p-133f), 0x0001);  // the smallest subnormal
  EXPECT_EQ(Dfp16::Encode(0x1p-134f), 0x0000);  // tie between 0 and it
  EXPECT_EQ(Dfp16::Encode(0x1.0002p-134f), 0x0001);
  EXPECT_EQ(Dfp16::Encode(0x1.fffffep-127f), 0x0080);  // rounds up to the smallest normal
  EXPECT_EQ(Dfp16::Encode(-0.0f), 0x8000);
  EXPECT_EQ(Dfp16::Encode(std::bit_cast<float>(0x7f800001u)), 0x7fc0);  // payload below the cut
  EXPECT_EQ(Dfp16::Encode(std::bit_cast<float>(0xffffffffu)), 0xffff);
}

TEST(Dfp16, VectorEncodeEqualsScalar) {
  const hn::ScalableTag<float> df;
  const hn::RebindToUnsigned<decltype(df)> du;
  const hn::Rebind<uint16_t, decltype(df)> d16;
  const size_t lanes = hn::Lanes(df);
  Rng rng(17);
  std::vector<float> values;
  for (uint32_t code = 0; code < 65536; ++code) {
    for (const uint32_t low : {0u, 1u, 0x7fffu, 0x8000u, 0x8001u, 0xffffu}) {
      values.push_back(std::bit_cast<float>(code << 16 | low));
    }
    values.push_back(std::bit_cast<float>(static_cast<uint32_t>(rng.Next())));
  }
  while (values.size() % (2 * lanes) != 0) values.push_back(0);
  std::vector<uint16_t> codes(lanes);
  std::vector<uint32_t> words(lanes);
  for (size_t i = 0; i < values.size(); i += lanes) {
    const auto x = hn::LoadU(df, &values[i]);
    hn::StoreU(EncodeDfp16(df, x), d16, codes.data());
    for (size_t j = 0; j < lanes; ++j) ASSERT_EQ(codes[j], Dfp16::Encode(values[i + j]));
    hn::StoreU(FuseDfp16(df, x, hn::LoadU(df, &values[(i + lanes) % values.size()])), du,
               words.data());
    for (size_t j = 0; j < lanes; ++j) {
      ASSERT_EQ(words[j] & 0xffff, Dfp16::Encode(values[i + j]));
      ASSERT_EQ(words[j] >> 16, Dfp16::Encode(values[(i + lanes + j) % values.size()]));
    }
  }
}

TEST(Dfp16, VectorDecodeAndFissionEqualScalar) {
  const hn::ScalableTag<float> df;
  const hn::RebindToUnsigned<decltype(df)> du;
  const hn::Rebind<uint16_t, decltype(df)> d16;
  const size_t lanes = hn::Lanes(df);
  std::vector<uint32_t> bits(lanes), words(lanes);
  std::vector<uint16_t> codes(lanes);
  for (uint32_t code = 0; code < 65536; code += static_cast<uint32_t>(lanes)) {
    for (uint32_t j = 0; j < lanes; ++j) {
      codes[j] = static_cast<uint16_t>(code + j);
      words[j] = (code + j) * 0x9e3779b9u;
    }
    hn::StoreU(hn::BitCast(du, DecodeDfp16(df, hn::LoadU(d16, codes.data()))), du, bits.data());
    for (uint32_t j = 0; j < lanes; ++j) {
      ASSERT_EQ(bits[j], std::bit_cast<uint32_t>(Dfp16::Decode(codes[j])));
    }
    hn::Vec<decltype(df)> low, high;
    FissionDfp16(df, hn::LoadU(du, words.data()), low, high);
    hn::StoreU(hn::BitCast(du, low), du, bits.data());
    for (uint32_t j = 0; j < lanes; ++j) {
      ASSERT_EQ(bits[j], std::bit_cast<uint32_t>(Dfp16::Fission(words[j]).low));
      ASSERT_EQ(bits[j] >> 16, words[j] & 0xffff);
    }
    hn::StoreU(hn::BitCast(du, high), du, bits.data());
    for (uint32_t j = 0; j < lanes; ++j) {
      ASSERT_EQ(bits[j], std::bit_cast<uint32_t>(Dfp16::Fission(words[j]).high));
      ASSERT_EQ(bits[j] >> 16, words[j] >> 16);
    }
  }
}

TEST(Formats, ListNamesEveryFormatOnce) {
  for (const Format format : kFormats) {
    const auto parsed = ParseFormat(NameOf(format));
    ASSERT_TRUE(parsed.ok());
    EXPECT_EQ(*parsed, format);
    EXPECT_EQ(VisitFormat(format, [](auto f) { return sizeof(typename decltype(f)::Code); }),
              static_cast<size_t>(BytesOf(format)));
  }
  const auto unknown = ParseFormat("fp8");
  ASSERT_FALSE(unknown.ok());
  EXPECT_EQ(unknown.status().hint(), "one of fp32, dfp16");
}

}  // namespace
}  // namespace deftnn
