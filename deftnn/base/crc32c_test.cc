#include "deftnn/base/crc32c.h"

#include <gtest/gtest.h>

#include <string_view>
#include <vector>

#include "deftnn/base/rng.h"

namespace deftnn {
namespace {

std::span<const std::byte> Bytes(std::string_view text) {
  return std::as_bytes(std::span(text.data(), text.size()));
}

TEST(Crc32c, KnownValues) {
  EXPECT_EQ(Crc32c({}), 0u);
  EXPECT_EQ(Crc32c(Bytes("123456789")), 0xe3069283u);  // the check value of the CRC catalogue
  const std::vector<std::byte> zeros(32), ones(32, std::byte{0xff});
  EXPECT_EQ(Crc32c(zeros), 0x8a9136aau);  // RFC 3720, appendix B.4
  EXPECT_EQ(Crc32c(ones), 0x62a8ab43u);
  EXPECT_EQ(Crc32cPortable(Bytes("123456789")), 0xe3069283u);
}

TEST(Crc32c, InstructionAndTableAgreeAndPiecesJoin) {
  const uint64_t seed = 11;
  SCOPED_TRACE(seed);
  Rng rng(seed);
  std::vector<std::byte> bytes(400);
  for (std::byte& b : bytes) b = static_cast<std::byte>(rng.Below(256));
  const std::span<const std::byte> all(bytes);
  for (int trial = 0; trial < 300; ++trial) {
    const size_t first = rng.Below(40), size = rng.Below(360);
    const auto part = all.subspan(first, size);
    const uint32_t start = static_cast<uint32_t>(rng.Next());
    EXPECT_EQ(Crc32c(part, start), Crc32cPortable(part, start));
    const size_t cut = rng.Between(0, static_cast<int64_t>(size));
    EXPECT_EQ(Crc32c(part.subspan(cut), Crc32c(part.first(cut))), Crc32c(part));
  }
}

}  // namespace
}  // namespace deftnn
