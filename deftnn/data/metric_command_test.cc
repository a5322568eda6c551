#include "deftnn/data/metric_command.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "deftnn/data/npy.h"
#include "deftnn/data/test_files.h"

namespace deftnn {
namespace {

using ::testing::HasSubstr;

const NamedTensors& Sample() {
  static const NamedTensors tensors = {{"logits", Tensor::Of<float>({1}, {1})}};
  return tensors;
}

TEST(MetricCommand, ReadsTheLastLine) {
  const TestFolder folder;
  const std::string script =
      folder.Write("m.sh", "test -f \"$1/logits.npy\" && echo noise && echo 97.5\n");
  Result<double> value = RunMetricCommand("sh " + script, Sample());
  ASSERT_TRUE(value.ok()) << value.status().ToString();
  EXPECT_EQ(*value, 97.5);
  EXPECT_EQ(*RunMetricCommand("echo +1e2; true", Sample()), 100);
}

TEST(MetricCommand, RemovesItsFolder) {
  const TestFolder folder;
  const std::string script =
      folder.Write("m.sh", "echo \"$1\" > " + folder.Path("where") + "; echo 1\n");
  ASSERT_TRUE(RunMetricCommand("sh " + script, Sample()).ok());
  std::string where;
  std::getline(std::ifstream(folder.Path("where")), where);
  ASSERT_FALSE(where.empty());
  EXPECT_FALSE(std::filesystem::exists(where));
}

TEST(MetricCommand, FailuresAreOneClearLine) {
  const auto message = [](const std::string& command, double timeout) {
    return RunMetricCommand(command, Sample(), timeout).status().ToString();
  };
  EXPECT_THAT(message("exit 3 #", 10), HasSubstr("ended with 3"));
  EXPECT_THAT(message("kill -9 $$ #", 10), HasSubstr("signal 9"));
  EXPECT_THAT(message("true", 10), HasSubstr("printed nothing"));
  EXPECT_THAT(message("echo nan #", 10), HasSubstr("no finite number"));
  EXPECT_THAT(message("echo 1 2 #", 10), HasSubstr("no finite number"));
  EXPECT_THAT(message("/no/such/program", 10), HasSubstr("ended with 127"));
  EXPECT_THAT(message("sleep 60 & sleep 60 #", 0.1), HasSubstr("longer than 0.1 s"));
  EXPECT_THAT(message("exec >&-; sleep 60 #", 0.1), HasSubstr("longer than 0.1 s"));
}

TEST(MetricCommand, FileNamesStayInTheFolder) {
  const TestFolder folder;
  const Tensor t = Tensor::Scalar(1.0f);
  ASSERT_TRUE(WriteNpyFolder(folder.Path("out"), {{"../a/b", t}, {"", t}}).ok());
  EXPECT_TRUE(std::filesystem::exists(folder.Path("out/.._a_b.npy")));
  EXPECT_FALSE(WriteNpyFolder(folder.Path("out"), {{"a/b", t}, {"a_b", t}}).ok());
  EXPECT_FALSE(WriteNpyFolder(folder.Write("file", "x"), {{"a", t}}).ok());
}

}  // namespace
}  // namespace deftnn
