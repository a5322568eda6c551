#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <limits>
#include <random>
#include <thread>

#include "deftnn/deftnn.h"

namespace {

using deftnn::v1::Expected;
using deftnn::v1::Format;
using deftnn::v1::Model;
using deftnn::v1::OptimizeOptions;
using deftnn::v1::Session;
using deftnn::v1::Shape;
using deftnn::v1::Tensor;
using deftnn::v1::TensorView;

const char kModel[] = DEFTNN_SOURCE_DIR "/examples/fashion_mnist/fashion_vgg.onnx";

std::vector<float> RandomPixels(std::size_t count, unsigned seed) {
  std::mt19937 random(seed);
  std::uniform_real_distribution<float> uniform(0.0F, 1.0F);
  std::vector<float> values(count);
  for (float& value : values) value = uniform(random);
  return values;
}

class Api : public ::testing::Test {
 protected:
  void SetUp() override {
    model_ = std::make_unique<Expected<Model>>(Model::Open(kModel));
    ASSERT_TRUE(model_->ok()) << model_->error();
    shape_ = model()->inputs().at(0).shape;
    for (auto& dimension : shape_) {
      if (dimension < 0) dimension = 1;
      count_ *= static_cast<std::size_t>(dimension);
    }
  }
  const Expected<Model>& model() const { return *model_; }
  Session Open(Format format = Format::kFp32) const {
    return Session::Create(**model_, {.threads = 2, .format = format}).value();
  }
  std::string ErrorOf(const std::vector<TensorView>& inputs) const {
    const auto result = Open().Run(inputs);
    EXPECT_FALSE(result.ok());
    return result.error();
  }

  std::unique_ptr<Expected<Model>> model_;
  Shape shape_;
  std::size_t count_ = 1;
};

TEST_F(Api, TellsWhatTheModelDeclares) {
  ASSERT_EQ(model()->inputs().size(), 1U);
  ASSERT_EQ(model()->outputs().size(), 1U);
  const auto& input = model()->inputs()[0];
  EXPECT_FALSE(input.name.empty());
  EXPECT_EQ(input.type, deftnn::v1::ElementType::kFloat32);
  EXPECT_TRUE(input.has_shape);
  ASSERT_EQ(input.shape.size(), 4U);
  EXPECT_EQ(input.shape[2], 28);
  EXPECT_FALSE(model()->is_package());
  EXPECT_EQ(model()->path(), kModel);
}

TEST_F(Api, GivesTheSameBitsFromSeveralThreads) {
  const Session session = Open();
  std::vector<std::vector<float>> inputs;
  std::vector<Tensor> expected;
  for (unsigned seed = 0; seed < 4; ++seed) {
    inputs.push_back(RandomPixels(count_, seed));
    expected.push_back(session.Run({TensorView::Of(inputs.back(), shape_)}).value().at(0));
  }
  ASSERT_NE(std::memcmp(expected[0].bytes().data(), expected[1].bytes().data(),
                        expected[0].bytes().size()),
            0);
  std::vector<int> wrong(4, 0);
  std::vector<std::thread> threads;
  for (std::size_t t = 0; t < 4; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < 5; ++i) {
        const Tensor output = session.Run({TensorView::Of(inputs[t], shape_)}).value().at(0);
        wrong[t] += std::memcmp(output.bytes().data(), expected[t].bytes().data(),
                                output.bytes().size()) != 0;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(wrong, std::vector<int>(4, 0));
}

TEST_F(Api, SixteenBitsAreCloseAndNotTheSame) {
  const std::vector<float> input = RandomPixels(count_, 7);
  const auto full = Open().Run({TensorView::Of(input, shape_)}).value();
  const auto half = Open(Format::kDfp16).Run({TensorView::Of(input, shape_)}).value();
  double difference = 0, norm = 0;
  for (std::size_t i = 0; i < full[0].values<float>().size(); ++i) {
    const double a = full[0].values<float>()[i], b = half[0].values<float>()[i];
    difference += (a - b) * (a - b);
    norm += a * a;
  }
  EXPECT_GT(difference, 0);
  EXPECT_LT(std::sqrt(difference / norm), 0.05);
}

TEST_F(Api, OutlivesItsModelAndSharesOutputs) {
  const std::vector<float> input = RandomPixels(count_, 3);
  Tensor output;
  {
    const Session session = Open();
    model_.reset();
    output = session.Run({TensorView::Of(input, shape_)}).value().at(0);
  }
  const Tensor copy = output;
  output = Tensor();
  EXPECT_FALSE(copy.values<float>().empty());
  EXPECT_TRUE(copy.values<double>().empty());
  EXPECT_TRUE(output.values<float>().empty());
  for (const float value : copy.values<float>()) EXPECT_TRUE(std::isfinite(value));
}

TEST_F(Api, RefusesInputsThatDoNotFit) {
  const std::vector<float> values(count_, 0.5F);
  EXPECT_NE(ErrorOf({}).find("inputs"), std::string::npos);
  EXPECT_NE(ErrorOf({TensorView{}}).find("type"), std::string::npos);
  EXPECT_NE(ErrorOf({TensorView::Of(std::vector<double>(count_), shape_)}).find("float64"),
            std::string::npos);
  EXPECT_NE(ErrorOf({TensorView::Of(std::vector<float>(count_ - 1), shape_)}).find("bytes"),
            std::string::npos);
  for (const int64_t dimension : {int64_t{-1}, std::numeric_limits<int64_t>::max()}) {
    Shape shape = shape_;
    shape[0] = dimension;
    EXPECT_NE(ErrorOf({TensorView::Of(values, shape)}).find(model()->inputs()[0].name),
              std::string::npos);
  }
  Shape flat{static_cast<int64_t>(count_)};
  EXPECT_NE(ErrorOf({TensorView::Of(values, flat)}).find("shape"), std::string::npos);
}

TEST_F(Api, RefusesFilesAndThreadsThatAreNotThere) {
  const auto absent = Model::Open("/nowhere/model.onnx");
  ASSERT_FALSE(absent.ok());
  EXPECT_NE(absent.error().find("/nowhere/model.onnx"), std::string::npos);
  EXPECT_FALSE(Session::Create(*model(), {.threads = -1}).ok());
  EXPECT_FALSE(Session::Create(*model(), {.threads = 1 << 30}).ok());
}

TEST_F(Api, OptimizeRefusesBadOptionsBeforeAnyWork) {
  OptimizeOptions good;
  good.model = kModel;
  good.output = "/nowhere/out.deft";
  good.calibration = "/nowhere/data.npz";
  const auto error_with = [&](auto change) {
    OptimizeOptions options = good;
    change(options);
    const auto result = deftnn::v1::Optimize(options);
    EXPECT_FALSE(result.ok());
    return result.error();
  };
  EXPECT_NE(error_with([](auto&) {}).find("/nowhere"), std::string::npos);
  EXPECT_NE(error_with([](auto& o) { o.model.clear(); }).find("model"), std::string::npos);
  EXPECT_NE(error_with([](auto& o) { o.criterion = "magic"; }).find("magic"), std::string::npos);
  EXPECT_NE(error_with([](auto& o) { o.format = "int8"; }).find("int8"), std::string::npos);
  EXPECT_NE(error_with([](auto& o) { o.max_drop = NAN; }).find("max_drop"), std::string::npos);
  EXPECT_NE(error_with([](auto& o) { o.speedup = 0.5; }).find("speedup"), std::string::npos);
  EXPECT_NE(error_with([](auto& o) { o.batch = 0; }).find("batch"), std::string::npos);
  EXPECT_NE(error_with([](auto& o) {
              o.max_drop = 1.0;
              o.speedup = 2.0;
            }).find("more than one"),
            std::string::npos);
}

}  // namespace
