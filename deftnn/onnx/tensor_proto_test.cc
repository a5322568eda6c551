#include "deftnn/onnx/tensor_proto.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

namespace deftnn {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

onnx::TensorProto Proto(int type, const std::vector<int64_t>& dims) {
  onnx::TensorProto proto;
  proto.set_data_type(type);
  for (int64_t dim : dims) proto.add_dims(dim);
  return proto;
}

Result<Tensor> Read(const onnx::TensorProto& proto) {
  ExternalData external("");
  return ReadTensorProto(proto, external);
}

Tensor Good(const onnx::TensorProto& proto) {
  auto tensor = Read(proto);
  if (tensor.ok()) return *tensor;
  ADD_FAILURE() << tensor.status().ToString();
  return Tensor::Zeros(ElementType::kFloat32, {0});
}

std::string RefusalOf(const onnx::TensorProto& proto) {
  const auto tensor = Read(proto);
  return tensor.ok() ? "" : tensor.status().ToString();
}

/// int32_data as every narrow type uses it.
template <typename T>
void ExpectFromInt32(const std::vector<int>& stored, const std::vector<T>& expected) {
  auto proto = Proto(static_cast<int>(kTypeOf<T>), {static_cast<int64_t>(stored.size())});
  for (int value : stored) proto.add_int32_data(value);
  EXPECT_THAT(Good(proto).values<T>(), testing::ElementsAreArray(expected));
}

TEST(TensorProto, TypedFields) {
  auto proto = Proto(onnx::TensorProto::FLOAT, {2, 1});
  proto.add_float_data(1.5f);
  proto.add_float_data(-INFINITY);
  EXPECT_THAT(Good(proto).values<float>(), ElementsAre(1.5f, -INFINITY));
  EXPECT_EQ(Good(proto).shape(), (Shape{2, 1}));
  proto = Proto(onnx::TensorProto::DOUBLE, {});
  proto.add_double_data(0.1);
  EXPECT_THAT(Good(proto).values<double>(), ElementsAre(0.1));
  proto = Proto(onnx::TensorProto::INT64, {1});
  proto.add_int64_data(INT64_MIN);
  EXPECT_THAT(Good(proto).values<int64_t>(), ElementsAre(INT64_MIN));
  proto = Proto(onnx::TensorProto::UINT32, {1});
  proto.add_uint64_data(4000000000u);
  EXPECT_THAT(Good(proto).values<uint32_t>(), ElementsAre(4000000000u));
  proto = Proto(onnx::TensorProto::UINT64, {1});
  proto.add_uint64_data(UINT64_MAX);
  EXPECT_THAT(Good(proto).values<uint64_t>(), ElementsAre(UINT64_MAX));
  proto = Proto(onnx::TensorProto::STRING, {1});
  proto.add_string_data(std::string("a"));
  EXPECT_THAT(Good(proto).strings(), ElementsAre("a"));
  proto = Proto(onnx::TensorProto::COMPLEX64, {1});
  proto.add_float_data(1);
  proto.add_float_data(2);
  EXPECT_EQ(Good(proto).bytes(), 8u);
}

TEST(TensorProto, NarrowTypesInInt32Data) {
  ExpectFromInt32<int32_t>({-5, 1 << 30}, {-5, 1 << 30});
  ExpectFromInt32<int16_t>({-5, 300}, {-5, 300});
  ExpectFromInt32<uint16_t>({65535}, {65535});
  ExpectFromInt32<int8_t>({-128, 127}, {-128, 127});
  ExpectFromInt32<uint8_t>({255}, {255});
  ExpectFromInt32<bool>({0, 1, 2}, {false, true, true});
  auto half = Proto(onnx::TensorProto::FLOAT16, {2});
  half.add_int32_data(0x3c00);
  half.add_int32_data(0x8000);
  EXPECT_THAT(Good(half).values<float>(), ElementsAre(1.0f, 0.0f));
  auto brain = Proto(onnx::TensorProto::BFLOAT16, {1});
  brain.add_int32_data(0xbf80);
  EXPECT_THAT(Good(brain).values<float>(), ElementsAre(-1.0f));
}

TEST(TensorProto, FourBitTypesArePackedTwoAByte) {
  for (int type : {21, 22}) {
    auto proto = Proto(type, {3});
    proto.add_int32_data(0x21);
    proto.add_int32_data(0x0f);
    const Tensor tensor = Good(proto);
    ASSERT_EQ(tensor.bytes(), 2u);
    EXPECT_EQ(static_cast<int>(tensor.data()[0]), 0x21);
    auto raw = Proto(type, {3});
    raw.set_raw_data("\x21\x0f");
    EXPECT_TRUE(Identical(Good(raw), tensor));
  }
}

TEST(TensorProto, RawData) {
  auto proto = Proto(onnx::TensorProto::INT16, {2});
  proto.set_raw_data(std::string("\x01\x00\xff\xff", 4));
  EXPECT_THAT(Good(proto).values<int16_t>(), ElementsAre(1, -1));
  proto = Proto(onnx::TensorProto::BOOL, {2});
  proto.set_raw_data(std::string("\x00\x07", 2));
  EXPECT_THAT(Good(proto).values<bool>(), ElementsAre(false, true));
  proto = Proto(17, {1});
  proto.set_raw_data("\x38");
  EXPECT_EQ(Good(proto).type(), ElementType::kFloat8E4M3Fn);
  EXPECT_EQ(Good(Proto(onnx::TensorProto::FLOAT, {0, 5})).size(), 0);
}

TEST(TensorProto, LyingSizesAreRefusedBeforeAnythingIsAllocated) {
  auto proto = Proto(onnx::TensorProto::FLOAT, {3});
  proto.set_raw_data("12345678");
  EXPECT_THAT(RefusalOf(proto), HasSubstr("holds 8 bytes where its shape 3 needs 12"));
  proto = Proto(onnx::TensorProto::FLOAT, {2});
  proto.add_float_data(1);
  EXPECT_THAT(RefusalOf(proto), HasSubstr("holds 1 values where its shape 2 needs 2"));
  EXPECT_THAT(RefusalOf(Proto(onnx::TensorProto::FLOAT, {int64_t{1} << 37})), HasSubstr("needs"));
  EXPECT_THAT(RefusalOf(Proto(onnx::TensorProto::STRING, {int64_t{1} << 37})), HasSubstr("needs"));
  EXPECT_THAT(RefusalOf(Proto(onnx::TensorProto::FLOAT, {int64_t{1} << 62, 4})),
              HasSubstr("can be counted"));
  EXPECT_THAT(RefusalOf(Proto(onnx::TensorProto::FLOAT, {int64_t{1} << 62})), HasSubstr("limit"));
  EXPECT_THAT(RefusalOf(Proto(onnx::TensorProto::FLOAT, {-1})), HasSubstr("negative"));
  EXPECT_THAT(RefusalOf(Proto(onnx::TensorProto::FLOAT, std::vector<int64_t>(65, 1))),
              HasSubstr("65 dimensions"));
}

TEST(TensorProto, OtherRefusals) {
  for (int type : {0, 23, 99, -1}) {
    EXPECT_THAT(RefusalOf(Proto(type, {1})), HasSubstr("element type"));
  }
  auto proto = Proto(onnx::TensorProto::FLOAT, {0});
  proto.mutable_segment()->set_begin(0);
  EXPECT_THAT(RefusalOf(proto), HasSubstr("segments"));
  proto = Proto(onnx::TensorProto::FLOAT, {1});
  proto.set_data_location(onnx::TensorProto::EXTERNAL);
  EXPECT_THAT(RefusalOf(proto), HasSubstr("names no file"));
}

TEST(TensorProto, NanIsRefusedInEveryFloatType) {
  struct Case {
    int type;
    std::string raw;
  };
  const Case cases[] = {{onnx::TensorProto::FLOAT, std::string("\0\0\xc0\x7f", 4)},
                        {onnx::TensorProto::DOUBLE, std::string("\0\0\0\0\0\0\xf8\x7f", 8)},
                        {onnx::TensorProto::FLOAT16, std::string("\x01\x7c", 2)},
                        {onnx::TensorProto::BFLOAT16, std::string("\xc0\x7f", 2)},
                        {17, "\xff"},
                        {18, "\x80"},
                        {19, "\x7d"},
                        {20, "\x80"}};
  for (const Case& tested : cases) {
    auto proto = Proto(tested.type, {1});
    proto.set_raw_data(tested.raw);
    EXPECT_THAT(RefusalOf(proto), HasSubstr("holds NaN")) << tested.type;
  }
}

}  // namespace
}  // namespace deftnn
