#include "deftnn/data/dataset.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>

#include "deftnn/data/npy.h"
#include "deftnn/data/npz.h"
#include "deftnn/data/open_dataset.h"
#include "deftnn/data/test_pictures.h"

namespace deftnn {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

Dataset Counting(int64_t n) {
  std::vector<float> x;
  std::vector<int64_t> y;
  for (int64_t i = 0; i < n; ++i) {
    x.insert(x.end(), {static_cast<float>(i), static_cast<float>(-i)});
    y.push_back(i % 10);
  }
  return *Dataset::Of({{"x", Tensor::Of<float>({n, 2}, x)}}, y);
}

TEST(Dataset, BatchesSubsetsAndSplits) {
  const Dataset set = Counting(7);
  EXPECT_EQ(set.size(), 7);
  EXPECT_EQ(set.sample_shape(0), Shape{2});
  const DataBatch batch = set.Batch(2, 3);
  EXPECT_THAT(batch.inputs[0].values<float>(), ElementsAre(2, -2, 3, -3, 4, -4));
  EXPECT_THAT(batch.labels, ElementsAre(2, 3, 4));
  EXPECT_EQ(set.Batch(7, 0).inputs[0].shape(), (Shape{0, 2}));
  const std::vector<int64_t> positions = {6, 0, 6};
  const Dataset subset = set.Subset(positions);
  EXPECT_THAT(subset.labels(), ElementsAre(6, 0, 6));
  EXPECT_THAT(subset.Slice(1, 2).Batch(0, 2).inputs[0].values<float>(), ElementsAre(0, 0, 6, -6));
  const auto [first, rest] = set.Split(5);
  EXPECT_EQ(first.size(), 5);
  EXPECT_THAT(rest.labels(), ElementsAre(5, 6));
}

TEST(Dataset, ShufflesTheSameOnEveryMachine) {
  const Dataset set = Counting(10);
  const std::vector<int64_t> order = set.Shuffled(1).indices();
  EXPECT_EQ(order, set.Shuffled(1).indices());
  EXPECT_NE(order, set.Shuffled(2).indices());
  std::vector<int64_t> sorted = order;
  std::sort(sorted.begin(), sorted.end());
  EXPECT_EQ(sorted, set.indices());
}

TEST(Dataset, RefusesWhatDoesNotFit) {
  const Tensor three = Tensor::Zeros(ElementType::kFloat32, {3, 2});
  EXPECT_FALSE(Dataset::Of({}).ok());
  EXPECT_FALSE(Dataset::Of({{"x", Tensor::Scalar(1.0f)}}).ok());
  EXPECT_FALSE(Dataset::Of({{"x", Tensor::Zeros(ElementType::kFloat32, {0, 2})}}).ok());
  EXPECT_FALSE(Dataset::Of({{"x", three}, {"z", Tensor::Zeros(ElementType::kInt32, {2})}}).ok());
  EXPECT_FALSE(Dataset::Of({{"x", three}}, {1, 2}).ok());
  EXPECT_FALSE(Dataset::Of({{"x", three}}, {1, 2, -1}).ok());
}

TEST(Dataset, JoinsBatches) {
  const Dataset set = Counting(5);
  const std::vector<Tensor> parts = {set.Batch(0, 2).inputs[0], set.Batch(2, 3).inputs[0]};
  EXPECT_TRUE(Identical(*ConcatenateSamples(parts), set.Batch(0, 5).inputs[0]));
  EXPECT_FALSE(ConcatenateSamples({}).ok());
  const std::vector<Tensor> mixed = {parts[0], Tensor::Zeros(ElementType::kFloat32, {2, 3})};
  EXPECT_FALSE(ConcatenateSamples(mixed).ok());
}

std::string Idx(const std::vector<int>& dims, const std::string& data) {
  std::string out = {0, 0, 8, static_cast<char>(dims.size())};
  for (int dim : dims) AppendBig(out, static_cast<uint32_t>(dim));
  return out + data;
}

TEST(OpenDataset, NpzWithLabels) {
  const TestFolder folder;
  const std::string path = folder.Path("a.npz");
  const Tensor x = Tensor::Of<float>({2, 1}, {3, 4});
  ASSERT_TRUE(WriteNpz(path, {{"x", x}, {"y", Tensor::Of<int64_t>({2}, {7, 8})}}).ok());
  Result<Dataset> set = OpenDataset(path, {.input_names = {"image"}});
  ASSERT_TRUE(set.ok()) << set.status().ToString();
  EXPECT_THAT(set->input_names(), ElementsAre("image"));
  EXPECT_THAT(set->labels(), ElementsAre(7, 8));
  EXPECT_TRUE(Identical(set->Batch(0, 2).inputs[0], x));

  ASSERT_TRUE(WriteNpy(folder.Path("l.npy"), Tensor::Of<uint8_t>({2, 1}, {1, 2})).ok());
  set = OpenDataset(path, {.labels_path = folder.Path("l.npy")});
  ASSERT_TRUE(set.ok());
  EXPECT_THAT(set->labels(), ElementsAre(1, 2));
  ASSERT_TRUE(WriteNpy(folder.Path("l.npy"), Tensor::Of<uint8_t>({3}, {1, 2, 3})).ok());
  EXPECT_THAT(OpenDataset(path, {.labels_path = folder.Path("l.npy")}).status().ToString(),
              HasSubstr("3 labels for 2 samples"));
  ASSERT_TRUE(WriteNpy(folder.Path("l.npy"), Tensor::Of<float>({2}, {1, 2})).ok());
  EXPECT_FALSE(OpenDataset(path, {.labels_path = folder.Path("l.npy")}).ok());
}

TEST(OpenDataset, NpzWithSeveralInputs) {
  const TestFolder folder;
  const std::string path = folder.Path("a.npz");
  const Tensor a = Tensor::Of<int32_t>({2}, {1, 2}), y = Tensor::Of<float>({2}, {3, 4});
  ASSERT_TRUE(WriteNpz(path, {{"y", y}, {"a", a}}).ok());
  Result<Dataset> set = OpenDataset(path, {.input_names = {"a", "y"}});
  ASSERT_TRUE(set.ok()) << set.status().ToString();
  EXPECT_FALSE(set->has_labels());
  EXPECT_TRUE(Identical(set->Batch(0, 2).inputs[1], y));
  EXPECT_THAT(OpenDataset(path, {.input_names = {"a", "b"}}).status().ToString(), HasSubstr("'b'"));
  ASSERT_TRUE(WriteNpz(path, {{"u", y}, {"v", a}}).ok());
  EXPECT_THAT(OpenDataset(path).status().ToString(), HasSubstr("u, v"));
}

TEST(OpenDataset, IdxWithSiblingLabelsAndPreprocessing) {
  const TestFolder folder;
  const std::string path = folder.Write(
      "t-images-idx3-ubyte.gz", Deflate(Idx({2, 2, 2}, "\x01\x02\x03\x04\x05\x06\x07\x08"), 31));
  EXPECT_FALSE(OpenDataset(path)->has_labels());
  folder.Write("t-labels-idx1-ubyte", Idx({2}, "\x03\x05"));
  Result<Dataset> set = OpenDataset(path);
  ASSERT_TRUE(set.ok()) << set.status().ToString();
  EXPECT_EQ(set->sample_shape(0), (Shape{1, 2, 2}));
  EXPECT_THAT(set->labels(), ElementsAre(3, 5));
  EXPECT_THAT(set->Batch(1, 1).inputs[0].values<float>(), ElementsAre(5, 6, 7, 8));
  set = OpenDataset(path,
                    {.preprocess = ParsePreprocess(R"({"scale":0.5,"mean":1,"std":2})").value()});
  ASSERT_TRUE(set.ok());
  EXPECT_THAT(set->Batch(0, 1).inputs[0].values<float>(), ElementsAre(-0.25f, 0, 0.25f, 0.5f));
  folder.Write("t-labels-idx1-ubyte", Idx({3}, "\x03\x05\x01"));
  EXPECT_FALSE(OpenDataset(path).ok());
}

TEST(OpenDataset, CifarFilesAndFolders) {
  const TestFolder folder;
  std::string record(1, '\x04');
  for (int i = 0; i < 3072; ++i) record += static_cast<char>(i / 1024);
  std::string second = record;
  second[0] = 9;
  folder.Write("data_batch_2.bin", second);
  folder.Write("test_batch.bin", record + record + record);
  const std::string one = folder.Write("data_batch_1.bin", record);
  Result<Dataset> set = OpenDataset(folder.path());
  ASSERT_TRUE(set.ok()) << set.status().ToString();
  EXPECT_THAT(set->labels(), ElementsAre(4, 9));
  EXPECT_EQ(set->sample_shape(0), (Shape{3, 32, 32}));
  EXPECT_EQ(set->Batch(0, 1).inputs[0].values<float>()[2048], 2);
  set = OpenDataset(
      one, {.preprocess = ParsePreprocess(
                              R"({"channel_order":"BGR","layout":"NHWC","crop":4,"mean":[0,1,2]})")
                              .value()});
  ASSERT_TRUE(set.ok());
  EXPECT_EQ(set->sample_shape(0), (Shape{4, 4, 3}));
  const DataBatch batch = set->Batch(0, 1);
  EXPECT_EQ(batch.inputs[0].values<float>()[0], 2);
  EXPECT_EQ(batch.inputs[0].values<float>()[1], 0);
  EXPECT_EQ(batch.inputs[0].values<float>()[2], -2);
  EXPECT_FALSE(OpenDataset(folder.Write("short.bin", record + "x")).ok());
  record[0] = 10;
  EXPECT_FALSE(OpenDataset(folder.Write("label.bin", record)).ok());
  EXPECT_FALSE(OpenDataset(folder.Write("empty.bin", "")).ok());
}

TEST(OpenDataset, FoldersOfPictures) {
  const TestFolder folder;
  const Picture red{1, 2, 3, {255, 0, 0, 1, 2, 3}};
  folder.Write("dog/b.png", EncodePng(red));
  folder.Write("dog/a.PNG", EncodePng({1, 2, 3, {4, 5, 6, 7, 8, 9}}));
  folder.Write("cat/z.png", EncodePng(red));
  folder.Write("cat/readme.txt", "passed over");
  Result<Dataset> set = OpenDataset(folder.path());
  ASSERT_TRUE(set.ok()) << set.status().ToString();
  EXPECT_THAT(set->class_names(), ElementsAre("cat", "dog"));
  EXPECT_THAT(set->labels(), ElementsAre(0, 1, 1));
  EXPECT_THAT(set->Batch(1, 1).inputs[0].values<float>(), ElementsAre(4, 7, 5, 8, 6, 9));

  folder.Write("cat/y.png", EncodePng({2, 2, 1, {1, 2, 3, 4}}));
  EXPECT_THAT(OpenDataset(folder.path()).status().ToString(), HasSubstr("z.png"));
  EXPECT_TRUE(
      OpenDataset(folder.path(), {.preprocess = ParsePreprocess(R"({"resize":[2,2]})").value()})
          .ok());
  folder.Write("cat/broken.jpg", "\xff\xd8\xff");
  EXPECT_THAT(OpenDataset(folder.path()).status().ToString(), HasSubstr("broken.jpg"));
  const TestFolder numbered;
  numbered.Write("10/a.png", EncodePng(red));
  numbered.Write("2/a.png", EncodePng(red));
  EXPECT_THAT(OpenDataset(numbered.path())->labels(), ElementsAre(10, 2));
  const TestFolder empty;
  EXPECT_FALSE(OpenDataset(empty.path()).ok());
}

TEST(OpenDataset, KeepsTypesUnlessItNormalises) {
  const TestFolder folder;
  const std::string path = folder.Path("a.npy");
  ASSERT_TRUE(WriteNpy(path, Tensor::Of<int32_t>({2, 2}, {1, 2, 3, 4})).ok());
  EXPECT_EQ(OpenDataset(path)->input_type(0), ElementType::kInt32);
  Result<Dataset> set =
      OpenDataset(path, {.preprocess = ParsePreprocess(R"({"mean":[1,2]})").value()});
  ASSERT_TRUE(set.ok()) << set.status().ToString();
  EXPECT_THAT(set->Batch(0, 2).inputs[0].values<float>(), ElementsAre(0, 0, 2, 2));
  EXPECT_FALSE(OpenDataset(path, {.preprocess = ParsePreprocess(R"({"crop":1})").value()}).ok());
  EXPECT_FALSE(OpenDataset(path, {.input_names = {"a", "b"}}).ok());
}

TEST(OpenDataset, NamesWhatItCannotRead) {
  const TestFolder folder;
  for (const std::string& path :
       {folder.Write("a.txt", "hello there"), folder.Write("b.npz", "hello there"),
        folder.Write("c.npy", ""), folder.Path("missing"), folder.Write("d.gz", "\x1f\x8b")}) {
    const Status status = OpenDataset(path).status();
    ASSERT_FALSE(status.ok());
    EXPECT_THAT(status.ToString(), HasSubstr(path));
  }
}

}  // namespace
}  // namespace deftnn
