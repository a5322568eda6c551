// The readers on real files: see SOURCES.md of the shared data folder.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>

#include "deftnn/base/file.h"
#include "deftnn/base/rng.h"
#include "deftnn/data/open_dataset.h"
#include "deftnn/data/test_files.h"

namespace deftnn {
namespace {

using ::testing::ElementsAre;

class SharedData : public ::testing::Test {
 protected:
  /// Skips the test, or fails it under DEFTNN_REQUIRE_DATA=1, when the file is missing.
  void Need(const std::string& name) {
    const char* folder = std::getenv("DEFTNN_DATA");
    path_ =
        std::string(folder != nullptr ? folder : DEFTNN_SOURCE_DIR "/../shared") + "/data/" + name;
    if (std::filesystem::exists(path_)) return;
    const char* required = std::getenv("DEFTNN_REQUIRE_DATA");
    if (required != nullptr && std::string(required) == "1") FAIL() << path_ << " is missing";
    GTEST_SKIP() << path_ << " is missing (set DEFTNN_DATA)";
  }
  std::string path_;
};

/// The first files of a tar (ustar: 512-byte headers) whose names end with `ending`.
std::vector<std::string> FilesOfTar(const std::string& tar, const std::string& ending,
                                    size_t most) {
  std::vector<std::string> files;
  for (size_t at = 0; at + 512 <= tar.size() && files.size() < most;) {
    const std::string name(tar.c_str() + at);
    const size_t size = std::strtoul(tar.c_str() + at + 124, nullptr, 8);
    if (name.ends_with(ending)) files.push_back(tar.substr(at + 512, size));
    at += 512 + (size + 511) / 512 * 512;
  }
  return files;
}

TEST_F(SharedData, Mnist) {
  Need("t10k-images-idx3-ubyte.gz");
  if (IsSkipped() || HasFatalFailure()) return;
  Result<Dataset> set = OpenDataset(path_);
  ASSERT_TRUE(set.ok()) << set.status().ToString();
  EXPECT_EQ(set->size(), 10000);
  EXPECT_EQ(set->sample_shape(0), (Shape{1, 28, 28}));
  EXPECT_THAT(set->Slice(0, 5).labels(), ElementsAre(7, 2, 1, 0, 4));
}

TEST_F(SharedData, Cifar10) {
  Need("cifar10_train4000_lossless.bin");
  if (IsSkipped() || HasFatalFailure()) return;
  Result<Dataset> set = OpenDataset(path_);
  ASSERT_TRUE(set.ok()) << set.status().ToString();
  EXPECT_EQ(set->size(), 4000);
  EXPECT_EQ(set->class_names()[static_cast<size_t>(set->labels()[0])], "frog");
}

TEST_F(SharedData, JpegPicturesWholeAndDamaged) {
  Need("ilsvrc12_val_650a.tar");
  if (IsSkipped() || HasFatalFailure()) return;
  Result<std::string> tar = ReadFile(path_);
  ASSERT_TRUE(tar.ok());
  std::vector<std::string> pictures = FilesOfTar(*tar, ".JPEG", 2);
  if (pictures.empty()) pictures = FilesOfTar(*tar, ".jpg", 2);
  ASSERT_EQ(pictures.size(), 2u);
  const TestFolder folder;
  folder.Write("7/a.jpg", pictures[0]);
  folder.Write("9/b.JPEG", pictures[1]);
  DataOptions options;
  options.preprocess =
      *ParsePreprocess(R"({"resize":256,"crop":224,"channel_order":"BGR","mean":[104,117,123]})");
  Result<Dataset> set = OpenDataset(folder.path(), options);
  ASSERT_TRUE(set.ok()) << set.status().ToString();
  EXPECT_EQ(set->sample_shape(0), (Shape{3, 224, 224}));
  EXPECT_THAT(set->labels(), ElementsAre(7, 9));

  const std::string half = pictures[0].substr(0, pictures[0].size() / 2);
  EXPECT_FALSE(DecodePicture(BytesOf(half), 3).ok());
  Rng rng(1);
  for (int i = 0; i < 60; ++i) {
    std::string damaged = pictures[0].substr(
        0, static_cast<size_t>(rng.Between(1, static_cast<int64_t>(pictures[0].size()))));
    for (int flip = 0; flip < 4; ++flip) {
      damaged[static_cast<size_t>(rng.Below(std::min<int64_t>(
          static_cast<int64_t>(damaged.size()), 700)))] = static_cast<char>(rng.Next());
    }
    (void)DecodePicture(BytesOf(damaged), 3).ok();
  }
}

}  // namespace
}  // namespace deftnn
