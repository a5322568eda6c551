#include "deftnn/data/idx.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "deftnn/base/rng.h"
#include "deftnn/data/test_files.h"

namespace deftnn {
namespace {

using ::testing::ElementsAre;

std::string Idx(int type, const std::vector<uint32_t>& dims, const std::string& data) {
  std::string out = {0, 0, static_cast<char>(type), static_cast<char>(dims.size())};
  for (uint32_t dim : dims) {
    for (int i = 3; i >= 0; --i) out += static_cast<char>((dim >> (8 * i)) & 0xff);
  }
  return out + data;
}

TEST(Idx, ReadsBothWrappingsAndBigEndian) {
  const std::string plain = Idx(8, {2, 1, 2}, "abcd");
  for (const std::string& bytes : {plain, Deflate(plain, 31)}) {
    Result<Tensor> t = ParseIdx(BytesOf(bytes));
    ASSERT_TRUE(t.ok()) << t.status().ToString();
    EXPECT_EQ(t->shape(), (Shape{2, 1, 2}));
    EXPECT_THAT(t->values<uint8_t>(), ElementsAre('a', 'b', 'c', 'd'));
  }
  Result<Tensor> t = ParseIdx(BytesOf(Idx(0x0b, {2}, std::string("\x01\x02\xff\xfe", 4))));
  ASSERT_TRUE(t.ok());
  EXPECT_THAT(t->values<int16_t>(), ElementsAre(0x0102, -2));
  t = ParseIdx(BytesOf(Idx(0x0d, {1}, std::string("\x3f\xc0\0\0", 4))));
  ASSERT_TRUE(t.ok());
  EXPECT_EQ(t->values<float>()[0], 1.5f);
}

TEST(Idx, RefusesLyingSizes) {
  for (const std::string& bytes :
       {Idx(8, {5}, "abcd"), Idx(8, {3}, "abcd"), Idx(7, {4}, "abcd"), Idx(8, {}, "abcd"),
        Idx(8, {0xffffffff, 0xffffffff, 0xffffffff}, "abcd"), Idx(8, {0xffffffff}, "abcd"),
        std::string("\0\0\x08\x03", 4), std::string()}) {
    EXPECT_FALSE(ParseIdx(BytesOf(bytes)).ok());
    EXPECT_FALSE(ParseIdx(BytesOf(Deflate(bytes, 31))).ok());
  }
}

TEST(Idx, TruncatedOrFlippedGzipIsAnError) {
  Rng rng(3);
  std::string data(500, '\0');
  for (char& c : data) c = static_cast<char>(rng.Next());
  const std::string whole = Deflate(Idx(8, {500}, data), 31);
  ASSERT_TRUE(ParseIdx(BytesOf(whole)).ok());
  for (size_t n = 0; n < whole.size(); ++n) {
    EXPECT_FALSE(ParseIdx(BytesOf(whole.substr(0, n))).ok()) << n;
  }
  for (size_t i = 10; i < whole.size(); ++i) {  // behind gzip's header everything is checked
    std::string flipped = whole;
    flipped[i] = static_cast<char>(flipped[i] ^ (1 << rng.Below(8)));
    EXPECT_FALSE(ParseIdx(BytesOf(flipped)).ok()) << i;
  }
}

TEST(Idx, FindsSiblingLabels) {
  const TestFolder folder;
  const std::string images = folder.Write("t10k-images-idx3-ubyte.gz", "x");
  EXPECT_EQ(SiblingLabels(images), "");
  const std::string plain = folder.Write("t10k-labels-idx1-ubyte", "x");
  EXPECT_EQ(SiblingLabels(images), plain);
  const std::string gz = folder.Write("t10k-labels-idx1-ubyte.gz", "x");
  EXPECT_EQ(SiblingLabels(images), gz);
  EXPECT_EQ(SiblingLabels(folder.Path("pictures.npy")), "");
}

}  // namespace
}  // namespace deftnn
