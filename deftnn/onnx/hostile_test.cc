// Files that are cut off, changed, or no models at all: one clear line, never a crash.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "deftnn/base/file.h"
#include "deftnn/base/rng.h"
#include "deftnn/graph/verify.h"
#include "deftnn/onnx/model_builder_test.h"
#include "deftnn/ops/op.h"

namespace deftnn {
namespace {

using testing::HasSubstr;

/// One node of many operators, with initializers of several forms.
ModelBuilder Varied() {
  ModelBuilder model;
  model.Input("x", onnx::TensorProto::FLOAT, {-1, 2, 4, 4});
  model.Floats("w", {3, 2, 3, 3}, std::vector<float>(54, 0.5f));
  model.Node("Conv", {"x", "w"}, {"conv"});
  model.Node("Relu", {"conv"}, {"relu"});
  model.Int64s("starts", {0});
  model.Int64s("ends", {2});
  model.Int64s("axes", {1});
  model.Node("Slice", {"relu", "starts", "ends", "axes"}, {"slice"});
  model.Int64s("pads", {0, 0, 1, 1, 0, 0, 1, 1});
  model.Node("Pad", {"slice", "pads"}, {"pad"});
  auto* perm = model.Node("Transpose", {"pad"}, {"transpose"})->add_attribute();
  perm->set_name("perm");
  perm->set_type(onnx::AttributeProto::INTS);
  for (int axis : {0, 2, 3, 1}) perm->add_ints(axis);
  auto* axis = model.Node("Concat", {"transpose", "transpose"}, {"concat"})->add_attribute();
  axis->set_name("axis");
  axis->set_type(onnx::AttributeProto::INT);
  axis->set_i(-1);
  model.Node("Unsqueeze", {"concat", "axes"}, {"unsqueeze"});
  model.Node("Squeeze", {"unsqueeze", "axes"}, {"squeeze"});
  model.Node("Shape", {"squeeze"}, {"shape"});
  model.Node("Gather", {"shape", "starts"}, {"batch"});
  auto* rest = model.Initializer("rest", onnx::TensorProto::INT64, {1});
  rest->set_raw_data(std::string(8, '\xff'));
  model.Node("Concat", {"batch", "rest"}, {"target"})->mutable_attribute()->Add()->CopyFrom([] {
    onnx::AttributeProto zero;
    zero.set_name("axis");
    zero.set_type(onnx::AttributeProto::INT);
    zero.set_i(0);
    return zero;
  }());
  model.Node("Reshape", {"squeeze", "target"}, {"flat"});
  model.Node("Split", {"flat"}, {"y", "z"})->mutable_attribute()->Add()->CopyFrom([] {
    onnx::AttributeProto one;
    one.set_name("axis");
    one.set_type(onnx::AttributeProto::INT);
    one.set_i(1);
    return one;
  }());
  model.Output("y");
  model.Output("z");
  return model;
}

/// Imports, and runs what could be imported when it is small. Returns whether all of it went well.
bool Survives(std::string_view bytes) {
  const auto graph = ImportOnnxBytes(std::as_bytes(std::span(bytes)), "");
  if (!graph.ok()) {
    EXPECT_FALSE(graph.status().ToString().empty());
    EXPECT_EQ(graph.status().ToString().find('\n'), std::string::npos);
    return false;
  }
  EXPECT_TRUE(Verify(*graph).ok());
  const auto infos = InferShapes(*graph, DefaultInputs(*graph));
  if (!infos.ok()) return false;
  int64_t elements = 0;
  for (const ValueInfo& info : *infos) elements += info.known() ? ElementCount(info.shape) : 0;
  if (elements > 100000) return false;
  MapChannels(*graph, *infos);
  std::vector<Tensor> inputs;
  for (const ValueInfo& info : DefaultInputs(*graph)) {
    if (info.type == ElementType::kString) return false;
    inputs.push_back(Tensor::Zeros(info.type, info.shape));
  }
  return EvaluateGraph(*graph, inputs).ok();
}

TEST(HostileOnnx, TheUnchangedModelRuns) { EXPECT_TRUE(Survives(Varied().Bytes())); }

TEST(HostileOnnx, TruncatedAnywhere) {
  const std::string bytes = Varied().Bytes();
  for (size_t size = 0; size < bytes.size(); ++size) {
    SCOPED_TRACE(size);
    Survives(std::string_view(bytes).substr(0, size));
  }
  EXPECT_FALSE(Survives(std::string_view(bytes).substr(0, bytes.size() / 2)));
}

TEST(HostileOnnx, FlippedBitsAndReplacedBytes) {
  const std::string bytes = Varied().Bytes();
  Rng rng(20240607);
  for (int round = 0; round < 1500; ++round) {
    SCOPED_TRACE(round);
    std::string changed = bytes;
    for (int64_t change = rng.Between(1, 4); change > 0; --change) {
      char& byte = changed[rng.Below(static_cast<int64_t>(changed.size()))];
      byte = rng.Below(2) == 0 ? static_cast<char>(byte ^ (1 << rng.Below(8)))
                               : static_cast<char>(rng.Below(256));
    }
    Survives(changed);
  }
}

TEST(HostileOnnx, RandomNumbersInEveryIntegerOfTheModel) {
  const int64_t kOdd[] = {
      0, -1, 1, 2, 7, -2, 64, INT64_MAX, INT64_MIN, INT32_MAX, int64_t{1} << 40};
  Rng rng(5);
  const auto odd = [&] { return kOdd[rng.Below(std::size(kOdd))]; };
  for (int round = 0; round < 1000; ++round) {
    SCOPED_TRACE(round);
    ModelBuilder model = Varied();
    auto& graph = model.graph();
    for (auto& initializer : *graph.mutable_initializer()) {
      for (auto& value : *initializer.mutable_int64_data()) {
        if (rng.Below(4) == 0) value = odd();
      }
    }
    for (auto& node : *graph.mutable_node()) {
      for (auto& attribute : *node.mutable_attribute()) {
        if (rng.Below(6) == 0) attribute.set_i(odd());
        for (auto& value : *attribute.mutable_ints()) {
          if (rng.Below(12) == 0) value = odd();
        }
      }
      if (node.input_size() > 0 && rng.Below(12) == 0) node.mutable_input()->RemoveLast();
    }
    Survives(model.Bytes());
  }
}

TEST(HostileOnnx, DeepNestingIsRefused) {
  ModelBuilder model = Varied();
  onnx::GraphProto* graph = &model.graph();
  for (int depth = 0; depth < 2000; ++depth) {
    auto* attribute = graph->add_node()->add_attribute();
    attribute->set_type(onnx::AttributeProto::GRAPH);
    graph = attribute->mutable_g();
  }
  const std::string bytes = model.Bytes();
  const auto result = ImportOnnxBytes(std::as_bytes(std::span(bytes)), "");
  ASSERT_FALSE(result.ok());
  EXPECT_THAT(result.status().ToString(), HasSubstr("not an ONNX model"));
}

TEST(HostileOnnx, FilesThatAreNoModels) {
  const std::filesystem::path folder = std::filesystem::temp_directory_path();
  const std::string path = (folder / "deftnn_hostile_test.onnx").string();
  const auto refusal = [](const std::string& file) {
    const auto graph = ImportOnnx(file);
    return graph.ok() ? std::string() : graph.status().ToString();
  };
  EXPECT_THAT(refusal((folder / "deftnn_no_such_file.onnx").string()),
              HasSubstr("deftnn_no_such_file.onnx: cannot be opened: No such file"));
  EXPECT_THAT(refusal(folder.string()), HasSubstr("not a regular file"));
  ASSERT_TRUE(WriteFileAtomically(path, "").ok());
  EXPECT_THAT(refusal(path), HasSubstr("is empty"));
  ASSERT_TRUE(WriteFileAtomically(path, "this is a text file, nothing else\n").ok());
  EXPECT_THAT(refusal(path), HasSubstr("ONNX model"));
  std::filesystem::remove(path);
}

}  // namespace
}  // namespace deftnn
