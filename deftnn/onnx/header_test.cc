#include "deftnn/onnx/header.h"

#include <gtest/gtest.h>

#include "deftnn/onnx/model_builder_test.h"

namespace deftnn {
namespace {

OnnxHeader HeaderOf(const std::string& bytes) {
  return ReadOnnxHeader(std::as_bytes(std::span(bytes)));
}

TEST(OnnxHeader, SaysWhatTheModelSays) {
  ModelBuilder builder;
  builder.model.set_producer_name("pytorch");
  builder.model.set_producer_version("2.1.0");
  auto* other = builder.model.add_opset_import();
  other->set_domain("com.example");
  other->set_version(77);
  const OnnxHeader header = HeaderOf(builder.model.SerializeAsString());
  EXPECT_EQ(header.ir_version, 8);
  EXPECT_EQ(header.opset, 13);
  EXPECT_EQ(header.producer, "pytorch 2.1.0");
}

TEST(OnnxHeader, AModelMaySayNothing) {
  const OnnxHeader header = HeaderOf(onnx::ModelProto().SerializeAsString());
  EXPECT_EQ(header.opset, 0);
  EXPECT_TRUE(header.producer.empty());
}

TEST(OnnxHeader, GarbageAndCutFilesAreNoCrash) {
  ModelBuilder builder;
  builder.model.set_producer_name("pytorch");
  const std::string whole = builder.model.SerializeAsString();
  for (size_t length = 0; length < whole.size(); ++length) HeaderOf(whole.substr(0, length));
  EXPECT_TRUE(HeaderOf("<html>not a network</html>").producer.empty());
  EXPECT_TRUE(HeaderOf(std::string("\x12\xff\xff\xff\xff\x0f", 6)).producer.empty());
}

}  // namespace
}  // namespace deftnn
