// The six trained models of the development data: all of them import, and what is inferred agrees
// with what they declare.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cctype>
#include <cmath>
#include <cstdlib>
#include <filesystem>

#include "deftnn/onnx/import.h"
#include "deftnn/ops/op.h"

namespace deftnn {
namespace {

std::string DataFolder() {
  const char* folder = std::getenv("DEFTNN_DATA");
  return folder != nullptr ? folder : DEFTNN_SOURCE_DIR "/../shared";
}

class SharedModels : public testing::TestWithParam<const char*> {};

TEST_P(SharedModels, ImportsAndInfers) {
  const std::string path = DataFolder() + "/models/" + GetParam();
  if (!std::filesystem::exists(path)) {
    const char* required = std::getenv("DEFTNN_REQUIRE_DATA");
    if (required != nullptr && std::string(required) == "1") FAIL() << path << " is missing";
    GTEST_SKIP() << path << " is missing (set DEFTNN_DATA)";
  }
  const auto graph = ImportOnnx(path);
  ASSERT_TRUE(graph.ok()) << graph.status().ToString();
  const std::vector<ValueInfo> inputs = DefaultInputs(*graph);
  const auto infos = InferShapes(*graph, inputs);
  ASSERT_TRUE(infos.ok()) << infos.status().ToString();
  for (size_t id = 0; id < infos->size(); ++id) {
    const Value& value = graph->value(static_cast<ValueId>(id));
    if (!value.shape || !(*infos)[id].known()) continue;
    // What the model declares of its values must agree with what is inferred.
    ASSERT_EQ(value.shape->size(), (*infos)[id].shape.size()) << value.name;
    for (size_t axis = 0; axis < value.shape->size(); ++axis) {
      if ((*value.shape)[axis] == kDynamic) continue;
      EXPECT_EQ((*value.shape)[axis], (*infos)[id].shape[axis]) << value.name;
    }
  }
  MapChannels(*graph, *infos);
}

INSTANTIATE_TEST_SUITE_P(Onnx, SharedModels,
                         testing::Values("mnist-8.onnx", "cifar10_resnet20.onnx",
                                         "squeezenet_fp32.onnx", "kws_dscnn.onnx",
                                         "ultraface_rfb320.onnx", "magika_v3_3.onnx"),
                         [](const auto& tested) {
                           std::string name = tested.param;
                           for (char& c : name) c = std::isalnum(c) != 0 ? c : '_';
                           return name;
                         });

}  // namespace
}  // namespace deftnn
