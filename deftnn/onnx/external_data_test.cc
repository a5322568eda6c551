#include "deftnn/onnx/external_data.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>

#include "deftnn/onnx/model_builder_test.h"

namespace deftnn {
namespace {

namespace fs = std::filesystem;
using testing::ElementsAre;
using testing::HasSubstr;

/// A folder with a model's subfolder, eight floats (0..7) in model/weights.bin, and outside/secret.
class ExternalDataTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string name = (fs::temp_directory_path() / "deftnn_external_XXXXXX").string();
    ASSERT_NE(mkdtemp(name.data()), nullptr);
    root_ = name;
    fs::create_directories(root_ / "model" / "inner");
    fs::create_directories(root_ / "outside");
    const float values[] = {0, 1, 2, 3, 4, 5, 6, 7};
    const std::string_view bytes(reinterpret_cast<const char*>(values), sizeof(values));
    for (const char* file : {"model/weights.bin", "model/inner/deep.bin", "outside/secret"}) {
      ASSERT_TRUE(WriteFileAtomically((root_ / file).string(), bytes).ok());
    }
  }
  void TearDown() override { fs::remove_all(root_); }

  Result<Tensor> Read(const ExternalData::Place& place, const Shape& shape = {2}) {
    return ExternalData((root_ / "model").string()).Read(place, ElementType::kFloat32, shape);
  }
  std::string Refusal(const ExternalData::Place& place, const Shape& shape = {2}) {
    const auto tensor = Read(place, shape);
    return tensor.ok() ? "" : tensor.status().ToString();
  }

  fs::path root_;
};

TEST_F(ExternalDataTest, ReadsAtAnOffsetAlignedOrNot) {
  EXPECT_THAT(Read({"weights.bin", "", ""})->values<float>(), ElementsAre(0, 1));
  EXPECT_THAT(Read({"weights.bin", "8", "8"})->values<float>(), ElementsAre(2, 3));
  EXPECT_THAT(Read({"weights.bin", "4", ""})->values<float>(), ElementsAre(1, 2));
  EXPECT_THAT(Read({"inner/../inner/deep.bin", "24", ""})->values<float>(), ElementsAre(6, 7));
  EXPECT_EQ(Read({"weights.bin", "32", "0"}, {0})->size(), 0);
}

TEST_F(ExternalDataTest, RefusesWhatLiesOutsideTheFolder) {
  fs::create_symlink(root_ / "outside" / "secret", root_ / "model" / "link");
  fs::create_directory_symlink(root_ / "outside", root_ / "model" / "folder_link");
  for (const std::string& location :
       {std::string("../outside/secret"), (root_ / "outside/secret").string(),
        (root_ / "model/weights.bin").string(), std::string("link"),
        std::string("folder_link/secret"), std::string("inner/../../outside/secret"),
        std::string("."), std::string(".."), std::string("weights.bin\0x", 13)}) {
    EXPECT_THAT(Refusal({location, "", ""}), HasSubstr("outside the model's folder")) << location;
  }
}

TEST_F(ExternalDataTest, FollowsLinksThatStayInside) {
  fs::create_symlink("inner/deep.bin", root_ / "model" / "link");
  EXPECT_TRUE(Read({"link", "", ""}).ok());
}

TEST_F(ExternalDataTest, RefusesBytesThatAreNotThere) {
  EXPECT_THAT(Refusal({"weights.bin", "28", ""}), HasSubstr("ends at byte 32"));
  EXPECT_THAT(Refusal({"weights.bin", "18446744073709551615", ""}), HasSubstr("ends at byte 32"));
  EXPECT_THAT(Refusal({"weights.bin", "-4", ""}), HasSubstr("no byte count"));
  EXPECT_THAT(Refusal({"weights.bin", "4 ", ""}), HasSubstr("no byte count"));
  EXPECT_THAT(Refusal({"weights.bin", "99999999999999999999", ""}), HasSubstr("no byte count"));
  EXPECT_THAT(Refusal({"weights.bin", "", "12"}), HasSubstr("12 bytes where its shape 2 needs 8"));
  EXPECT_THAT(Refusal({"weights.bin", "", ""}, {int64_t{1} << 36}), HasSubstr("ends at byte 32"));
}

TEST_F(ExternalDataTest, RefusesWhatIsNoFile) {
  EXPECT_THAT(Refusal({"missing.bin", "", ""}), HasSubstr("No such file"));
  EXPECT_THAT(Refusal({"inner", "", ""}), HasSubstr("not a regular file"));
  EXPECT_THAT(Refusal({"", "", ""}), HasSubstr("names no file"));
  ASSERT_EQ(mkfifo((root_ / "model/pipe").c_str(), 0600), 0);
  EXPECT_THAT(Refusal({"pipe", "", ""}), HasSubstr("not a regular file"));
}

TEST_F(ExternalDataTest, AWholeModelReadsItsWeightsFromBesideIt) {
  ModelBuilder model;
  model.Input("x", onnx::TensorProto::FLOAT, {2});
  auto* weight = model.Initializer("w", onnx::TensorProto::FLOAT, {2});
  weight->set_data_location(onnx::TensorProto::EXTERNAL);
  auto* entry = weight->add_external_data();
  entry->set_key("location");
  entry->set_value("weights.bin");
  model.Node("Relu", {"x"}, {"y"});
  model.Output("y");
  const std::string path = (root_ / "model" / "net.onnx").string();
  ASSERT_TRUE(WriteFileAtomically(path, model.Bytes()).ok());
  const auto graph = ImportOnnx(path);
  ASSERT_TRUE(graph.ok()) << graph.status().ToString();
  EXPECT_THAT(graph->Constant(graph->Find("w"))->values<float>(), ElementsAre(0, 1));
  entry->set_value("../outside/secret");
  ASSERT_TRUE(WriteFileAtomically(path, model.Bytes()).ok());
  const auto refused = ImportOnnx(path);
  ASSERT_FALSE(refused.ok());
  EXPECT_THAT(refused.status().ToString(),
              testing::AllOf(HasSubstr("net.onnx"), HasSubstr("initializer 'w'"),
                             HasSubstr("outside the model's folder")));
  EXPECT_FALSE(model.Import().ok());  // bytes without a folder have no external data
}

}  // namespace
}  // namespace deftnn
