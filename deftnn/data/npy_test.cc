#include "deftnn/data/npy.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <numeric>

#include "deftnn/base/file.h"
#include "deftnn/base/half.h"
#include "deftnn/base/rng.h"
#include "deftnn/data/test_files.h"

namespace deftnn {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

std::string Npy(const std::string& header, const std::string& data, int major = 1) {
  std::string out = "\x93NUMPY";
  out += static_cast<char>(major);
  out += '\0';
  for (int i = 0; i < (major == 1 ? 2 : 4); ++i) {
    out += static_cast<char>((header.size() >> (8 * i)) & 0xff);
  }
  return out + header + data;
}

std::string Header(const std::string& descr, const std::string& shape, bool fortran = false) {
  return "{'descr': '" + descr + "', 'fortran_order': " + (fortran ? "True" : "False") +
         ", 'shape': " + shape + ", }\n";
}

template <typename T>
std::string Raw(const std::vector<T>& values) {
  return {reinterpret_cast<const char*>(values.data()), values.size() * sizeof(T)};
}

Result<Tensor> Parse(const std::string& bytes) { return ParseNpy(BytesOf(bytes)); }

TEST(Npy, RoundTripsEveryNumericType) {
  Rng rng(11);
  for (ElementType type :
       {ElementType::kBool, ElementType::kInt8, ElementType::kUint8, ElementType::kInt16,
        ElementType::kUint16, ElementType::kInt32, ElementType::kUint32, ElementType::kInt64,
        ElementType::kUint64, ElementType::kFloat16, ElementType::kFloat32, ElementType::kFloat64,
        ElementType::kComplex64, ElementType::kComplex128}) {
    for (const Shape& shape :
         {Shape{}, Shape{0}, Shape{1}, Shape{7}, Shape{2, 3}, Shape{3, 0, 2}, Shape{2, 1, 3, 5}}) {
      SCOPED_TRACE(std::string(NameOf(type)) + " " + ToString(shape));
      Tensor tensor = Tensor::Zeros(type, shape);
      std::byte* data = tensor.mutable_data();
      for (size_t i = 0; i < tensor.bytes(); ++i) {
        data[i] = static_cast<std::byte>(type == ElementType::kBool ? rng.Next() & 1 : rng.Next());
      }
      Result<std::string> bytes = EncodeNpy(tensor);
      ASSERT_TRUE(bytes.ok());
      EXPECT_EQ((bytes->size() - tensor.bytes()) % 64, 0u);
      Result<Tensor> back = Parse(*bytes);
      ASSERT_TRUE(back.ok()) << back.status().ToString();
      EXPECT_TRUE(Identical(*back, tensor));
    }
  }
}

TEST(Npy, WritesWhatNumpyWrites) {
  // numpy.save(f, numpy.arange(6, dtype="<f4").reshape(2, 3)), header padding aside.
  Result<std::string> bytes = EncodeNpy(Tensor::Of<float>({2, 3}, {0, 1, 2, 3, 4, 5}));
  ASSERT_TRUE(bytes.ok());
  EXPECT_EQ(bytes->substr(0, 8), std::string("\x93NUMPY\x01\x00", 8));
  EXPECT_THAT(*bytes, HasSubstr("{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3, ), }"));
  EXPECT_EQ(bytes->size(), 128u + 24u);
}

TEST(Npy, ReadsFortranOrderAndBigEndian) {
  Result<Tensor> t = Parse(Npy(Header("<i4", "(2, 3)", true), Raw<int32_t>({1, 4, 2, 5, 3, 6})));
  ASSERT_TRUE(t.ok()) << t.status().ToString();
  EXPECT_THAT(t->values<int32_t>(), ElementsAre(1, 2, 3, 4, 5, 6));
  t = Parse(Npy(Header(">i2", "(2,)"), std::string("\x01\x02\x03\x04", 4)));
  ASSERT_TRUE(t.ok());
  EXPECT_THAT(t->values<int16_t>(), ElementsAre(0x0102, 0x0304));
  t = Parse(Npy(Header("<i4", "(2, 2, 2)", true), Raw<int32_t>({0, 4, 2, 6, 1, 5, 3, 7}), 2));
  ASSERT_TRUE(t.ok());
  EXPECT_THAT(t->values<int32_t>(), ElementsAre(0, 1, 2, 3, 4, 5, 6, 7));
}

TEST(Npy, ReadsVersionsTwoAndThreeAndOtherSpellings) {
  for (int major : {1, 2, 3}) {
    Result<Tensor> t = Parse(Npy(Header("<f8", "(1,)"), Raw<double>({2.5}), major));
    ASSERT_TRUE(t.ok());
    EXPECT_EQ(t->values<double>()[0], 2.5);
  }
  EXPECT_TRUE(Parse(Npy(R"({"shape":(2L,),"descr":"|u1","fortran_order":False})", "ab")).ok());
  EXPECT_TRUE(Parse(Npy(Header("<f4", "()"), Raw<float>({1}))).ok());
}

TEST(Npy, NormalisesBools) {
  Result<Tensor> t = Parse(Npy(Header("|b1", "(3,)"), std::string("\x00\x07\x01", 3)));
  ASSERT_TRUE(t.ok());
  EXPECT_EQ(t->data()[1], std::byte{1});
}

TEST(Npy, WritesBfloat16AsFloat32) {
  Tensor t = Tensor::Zeros(ElementType::kBfloat16, {1});
  t.mutable_codes16()[0] = 0x3fc0;  // 1.5
  Result<std::string> bytes = EncodeNpy(t);
  ASSERT_TRUE(bytes.ok());
  EXPECT_EQ(Parse(*bytes)->values<float>()[0], 1.5f);
  EXPECT_FALSE(EncodeNpy(Tensor::Strings({1}, {"a"})).ok());
}

TEST(Npy, RefusesHostileHeaders) {
  const std::string four = Raw<float>({1});
  const std::vector<std::string> bad = {
      "",
      "\x93NUMPY",
      Npy(Header("<f4", "(1,)"), four, 4),
      Npy(Header("<f4", "(2,)"), four),
      Npy(Header("<f4", "(1,)"), four + "x"),
      Npy(Header("<f4", "(-1,)"), four),
      Npy(Header("<f4", "(-1, -1)"), four),
      Npy(Header("<f4", "(9223372036854775807, 9223372036854775807)"), four),
      Npy(Header("<f4", "(4611686018427387904, 4)"), ""),
      Npy(Header("<f4", "(99999999999999999999,)"), four),
      Npy(Header("<f4", "(1, 1000000000000)"), four),
      Npy(Header("<f4", "(0, 9223372036854775807, 9223372036854775807)") + "}", four),
      Npy(Header("<U4", "(1,)"), four),
      Npy(Header("|O", "(1,)"), four),
      Npy(Header("", "(1,)"), four),
      Npy("{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (1,)}", four),
      Npy("{'descr': '<f4', 'shape': (1,)}", four),
      Npy("{'descr': '<f4', 'fortran_order': 0, 'shape': (1,)}", four),
      Npy("{'descr': '<f4', 'fortran_order': False, 'shape': (1,)", four),
      Npy("{'descr': '<f4', 'fortran_order': False, 'shape': (1", four),
      Npy("{", four),
      Npy("{'descr", four),
  };
  for (size_t i = 0; i < bad.size(); ++i) {
    SCOPED_TRACE(i);
    Result<Tensor> t = Parse(bad[i]);
    ASSERT_FALSE(t.ok());
    EXPECT_EQ(t.status().ToString().find('\n'), std::string::npos);
  }
  std::string lying = Npy(Header("<f4", "(1,)"), four);
  lying[8] = lying[9] = '\xff';  // a header longer than the file
  EXPECT_FALSE(Parse(lying).ok());
}

TEST(Npy, EveryTruncationIsAnErrorAndNoFlipCrashes) {
  const std::string whole = *EncodeNpy(Tensor::Of<float>({2, 2}, {1, 2, 3, 4}));
  for (size_t n = 0; n < whole.size(); ++n) EXPECT_FALSE(Parse(whole.substr(0, n)).ok()) << n;
  Rng rng(5);
  for (int i = 0; i < 5000; ++i) {
    std::string flipped = whole;
    for (int64_t flips = rng.Between(1, 4); flips > 0; --flips) {
      flipped[static_cast<size_t>(rng.Below(128))] = static_cast<char>(rng.Next());
    }
    (void)Parse(flipped).ok();
  }
}

TEST(Npy, ErrorsNameTheFile) {
  const TestFolder folder;
  Result<Tensor> t = ReadNpy(folder.Write("broken.npy", "nothing"));
  ASSERT_FALSE(t.ok());
  EXPECT_THAT(t.status().ToString(), HasSubstr("broken.npy"));
  EXPECT_FALSE(ReadNpy(folder.Path("missing.npy")).ok());
  ASSERT_TRUE(WriteNpy(folder.Path("a.npy"), Tensor::Scalar<int64_t>(7)).ok());
  EXPECT_EQ(ReadNpy(folder.Path("a.npy"))->values<int64_t>()[0], 7);
}

}  // namespace
}  // namespace deftnn
