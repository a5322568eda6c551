#include "deftnn/data/npz.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "deftnn/base/rng.h"
#include "deftnn/data/npy.h"
#include "deftnn/data/test_files.h"

namespace deftnn {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

void Put(std::string& out, uint64_t value, int size) {
  for (int i = 0; i < size; ++i) out += static_cast<char>((value >> (8 * i)) & 0xff);
}

struct ZipOptions {
  bool deflate = false;
  bool zip64 = false;
  bool data_descriptor = false;
  int flags = 0;
  int64_t claim_uncompressed = -1;
  std::string comment;
};

/// A zip of one member, written independently of WriteNpz.
std::string Zip(const std::string& name, const std::string& contents, const ZipOptions& o) {
  const std::string data = o.deflate ? Deflate(contents, -15) : contents;
  const auto crc = static_cast<uint32_t>(crc32(0, reinterpret_cast<const Bytef*>(contents.data()),
                                               static_cast<uInt>(contents.size())));
  const uint64_t uncompressed =
      o.claim_uncompressed >= 0 ? static_cast<uint64_t>(o.claim_uncompressed) : contents.size();
  const int method = o.deflate ? 8 : 0;
  const int flags = o.flags | (o.data_descriptor ? 8 : 0);
  std::string out;
  Put(out, 0x04034b50, 4), Put(out, 20, 2), Put(out, flags, 2), Put(out, method, 2), Put(out, 0, 4);
  Put(out, o.data_descriptor ? 0 : crc, 4);
  Put(out, o.data_descriptor ? 0 : data.size(), 4);
  Put(out, o.data_descriptor ? 0 : uncompressed, 4);
  Put(out, name.size(), 2), Put(out, 4, 2);
  out += name;
  out += std::string("\xfe\xca\0\0", 4);  // an extra field that the directory does not have
  out += data;
  if (o.data_descriptor) Put(out, crc, 4), Put(out, data.size(), 4), Put(out, uncompressed, 4);
  const size_t directory = out.size();
  Put(out, 0x02014b50, 4), Put(out, 20, 2), Put(out, 20, 2), Put(out, flags, 2);
  Put(out, method, 2), Put(out, 0, 4), Put(out, crc, 4);
  Put(out, o.zip64 ? 0xffffffff : data.size(), 4);
  Put(out, o.zip64 ? 0xffffffff : uncompressed, 4);
  Put(out, name.size(), 2), Put(out, o.zip64 ? 28 : 0, 2), Put(out, 0, 2), Put(out, 0, 2);
  Put(out, 0, 2), Put(out, 0, 4), Put(out, o.zip64 ? 0xffffffff : 0, 4);
  out += name;
  if (o.zip64) {
    Put(out, 1, 2), Put(out, 24, 2), Put(out, uncompressed, 8), Put(out, data.size(), 8);
    Put(out, 0, 8);
  }
  const size_t size = out.size() - directory;
  if (o.zip64) {
    const size_t end64 = out.size();
    Put(out, 0x06064b50, 4), Put(out, 44, 8), Put(out, 45, 2), Put(out, 45, 2), Put(out, 0, 8);
    Put(out, 1, 8), Put(out, 1, 8), Put(out, size, 8), Put(out, directory, 8);
    Put(out, 0x07064b50, 4), Put(out, 0, 4), Put(out, end64, 8), Put(out, 1, 4);
  }
  Put(out, 0x06054b50, 4), Put(out, 0, 4), Put(out, 1, 2), Put(out, 1, 2);
  Put(out, size, 4), Put(out, o.zip64 ? 0xffffffff : directory, 4);
  Put(out, o.comment.size(), 2);
  return out + o.comment;
}

const Tensor& SmallTensor() {
  static const Tensor tensor = Tensor::Of<float>({2, 3}, {1, 2, 3, 4, 5, 6});
  return tensor;
}

TEST(Npz, RoundTrips) {
  const TestFolder folder;
  const std::string path = folder.Path("a.npz");
  const Tensor y = Tensor::Of<int64_t>({2}, {3, 4});
  ASSERT_TRUE(WriteNpz(path, {{"x", SmallTensor()}, {"y", y}, {"a/b", Tensor::Scalar(1.5)}}).ok());
  Result<NpzFile> npz = NpzFile::Open(path);
  ASSERT_TRUE(npz.ok()) << npz.status().ToString();
  EXPECT_THAT(npz->names(), ElementsAre("x", "y", "a/b"));
  EXPECT_TRUE(Identical(*npz->Read("x"), SmallTensor()));
  EXPECT_TRUE(Identical(*npz->Read("y"), y));
  EXPECT_EQ(npz->Read("a/b")->values<double>()[0], 1.5);
  EXPECT_THAT(npz->Read("z").status().ToString(), HasSubstr("x, y, a/b"));
}

TEST(Npz, ReadsStoredDeflatedZip64DescriptorsAndComments) {
  const TestFolder folder;
  const std::string npy = *EncodeNpy(SmallTensor());
  for (int bits = 0; bits < 16; ++bits) {
    SCOPED_TRACE(bits);
    ZipOptions o;
    o.deflate = bits & 1;
    o.zip64 = bits & 2;
    o.data_descriptor = bits & 4;
    if (bits & 8) o.comment = "a comment";
    Result<NpzFile> npz = NpzFile::Open(folder.Write("a.npz", Zip("x.npy", npy, o)));
    ASSERT_TRUE(npz.ok()) << npz.status().ToString();
    Result<Tensor> x = npz->Read("x");
    ASSERT_TRUE(x.ok()) << x.status().ToString();
    EXPECT_TRUE(Identical(*x, SmallTensor()));
  }
}

TEST(Npz, RefusesLies) {
  const TestFolder folder;
  const std::string npy = *EncodeNpy(SmallTensor());
  const auto read = [&](const std::string& bytes) -> Status {
    Result<NpzFile> npz = NpzFile::Open(folder.Write("a.npz", bytes));
    return npz.ok() ? npz->Read("x").status() : npz.status();
  };
  const auto size = static_cast<int64_t>(npy.size());
  for (const int64_t claim : {int64_t{0}, size - 1, size + 1, int64_t{0xfffffff0}}) {
    for (bool deflate : {false, true}) {
      ZipOptions o;
      o.deflate = deflate;
      o.claim_uncompressed = claim;
      const Status status = read(Zip("x.npy", npy, o));
      EXPECT_FALSE(status.ok()) << claim << deflate;
    }
  }
  ZipOptions huge;
  huge.deflate = huge.zip64 = true;
  huge.claim_uncompressed = int64_t{1} << 60;
  EXPECT_FALSE(read(Zip("x.npy", npy, huge)).ok());
  ZipOptions encrypted;
  encrypted.flags = 1;
  EXPECT_THAT(read(Zip("x.npy", npy, encrypted)).ToString(), HasSubstr("encrypted"));
  std::string flipped = Zip("x.npy", npy, {});
  flipped[30 + 5 + 4 + npy.size() - 1] ^= 1;
  EXPECT_THAT(read(flipped).ToString(), HasSubstr("checksum"));
  EXPECT_THAT(read("PK").ToString(), HasSubstr("not an .npz"));
  EXPECT_FALSE(read("").ok());
}

TEST(Npz, RefusesOneNameTwice) {
  const TestFolder folder;
  ASSERT_TRUE(WriteNpz(folder.Path("a.npz"), {{"x", SmallTensor()}, {"x", SmallTensor()}}).ok());
  EXPECT_FALSE(NpzFile::Open(folder.Path("a.npz")).ok());
}

TEST(Npz, EveryTruncationIsAnErrorAndNoFlipCrashes) {
  ZipOptions o;
  o.deflate = o.zip64 = true;
  const std::string whole = Zip("x.npy", *EncodeNpy(SmallTensor()), o);
  const auto read = [&](const std::string& bytes) {
    Result<NpzFile> npz = NpzFile::Of(BytesOf(bytes), nullptr, "memory");
    return npz.ok() && npz->Has("x") && npz->Read("x").ok();
  };
  for (size_t n = 0; n < whole.size(); ++n) EXPECT_FALSE(read(whole.substr(0, n))) << n;
  Rng rng(7);
  for (int i = 0; i < 2000; ++i) {
    std::string flipped = whole;
    for (int64_t flips = rng.Between(1, 3); flips > 0; --flips) {
      flipped[static_cast<size_t>(rng.Below(static_cast<int64_t>(whole.size())))] =
          static_cast<char>(rng.Next());
    }
    (void)read(flipped);
  }
}

}  // namespace
}  // namespace deftnn
