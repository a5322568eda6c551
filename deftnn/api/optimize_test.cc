// Optimize, through the public API, on a network whose second half of input channels says nothing
// new: it can go without a loss, so that what is right is known.
#include "deftnn/optimize.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "deftnn/base/file.h"
#include "deftnn/base/rng.h"
#include "deftnn/base/tensor.h"
#include "deftnn/data/npy.h"
#include "deftnn/model.h"
#include "deftnn/onnx/model_builder_test.h"
#include "deftnn/runtime/test_networks.h"
#include "deftnn/session.h"

namespace deftnn {
namespace {

constexpr int64_t kChannels = 8, kEdge = 10, kOutputs = 16, kClasses = 5;
constexpr int64_t kPixels = kEdge * kEdge;
constexpr int64_t kConvMacs = kPixels * kOutputs * kChannels * 9;
constexpr int64_t kMacs = kConvMacs + kOutputs * kClasses;
constexpr double kReduce = 1.8;

// Conv 3 x 3, ReLU, global average, fully connected. With `place`, a second output: a convolution
// of its own.
std::string SmallNetwork(Rng& rng, bool place = false) {
  ModelBuilder model;
  model.Input("x", onnx::TensorProto::FLOAT, {-1, kChannels, kEdge, kEdge});
  model.Floats("w1", {kOutputs, kChannels, 3, 3},
               Normal(rng, kOutputs * kChannels * 9, 1 / std::sqrt(9.0 * kChannels)));
  model.Floats("b1", {kOutputs}, Normal(rng, kOutputs, 0.5));
  model.Floats("w2", {kOutputs, kClasses}, Normal(rng, kOutputs * kClasses, 1));
  auto* pads = model.Node("Conv", {"x", "w1", "b1"}, {"c"}, "conv")->add_attribute();
  pads->set_name("pads");
  pads->set_type(onnx::AttributeProto::INTS);
  for (int i = 0; i < 4; ++i) pads->add_ints(1);
  model.Node("Relu", {"c"}, {"r"});
  model.Node("GlobalAveragePool", {"r"}, {"g"});
  model.Node("Flatten", {"g"}, {"f"});
  model.Node("MatMul", {"f", "w2"}, {"y"}, "fc");
  model.Output("y");
  if (place) {
    model.Floats("w3", {2, kChannels, 1, 1}, Normal(rng, 2 * kChannels, 1));
    model.Node("Conv", {"x", "w3"}, {"place"}, "place");
    model.Output("place");
  }
  return model.Bytes();
}

// Each channel of the second half mixes two of the first half. A sample has a level of its own in
// every channel, so that the classes differ by more than noise.
Tensor Samples(Rng& rng, int64_t count) {
  Tensor data = Tensor::Zeros(ElementType::kFloat32, {count, kChannels, kEdge, kEdge});
  const std::span<float> values = data.mutable_values<float>();
  constexpr int64_t kHalf = kChannels / 2;
  for (int64_t n = 0; n < count; ++n) {
    float* sample = values.data() + n * kChannels * kPixels;
    for (int64_t c = 0; c < kHalf; ++c) {
      const double level = rng.Normal();
      for (int64_t p = 0; p < kPixels; ++p) {
        sample[c * kPixels + p] = static_cast<float>(level + 0.5 * rng.Normal());
      }
    }
    for (int64_t c = 0; c < kHalf; ++c) {
      for (int64_t p = 0; p < kPixels; ++p) {
        sample[(c + kHalf) * kPixels + p] =
            0.8f * sample[c * kPixels + p] - 0.6f * sample[(c + 1) % kHalf * kPixels + p];
      }
    }
  }
  return data;
}

class OptimizeSmallNetwork : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = ::testing::TempDir() + "/deftnn_optimize_XXXXXX";
    ASSERT_NE(mkdtemp(pattern.data()), nullptr);
    folder_ = pattern;
    Rng rng(5);
    ASSERT_TRUE(WriteFileAtomically(Path("model.onnx"), SmallNetwork(rng)).ok());
    ASSERT_TRUE(WriteNpy(Path("calibration.npy"), Samples(rng, 300)).ok());
    evaluation_ = Samples(rng, 200);
    ASSERT_TRUE(WriteNpy(Path("evaluation.npy"), evaluation_).ok());
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  std::string Path(const char* name) const { return folder_ / name; }

  v1::OptimizeOptions Options() const {
    v1::OptimizeOptions options;
    options.model = Path("model.onnx");
    options.output = Path("fast.deft");
    options.calibration = Path("calibration.npy");
    options.evaluation = Path("evaluation.npy");
    options.json_report = Path("fast.json");
    options.reduce_macs = kReduce;
    options.calibration_samples = 100;
    options.calibration_rows = 1600;
    options.threads = 2;
    return options;
  }

  // The outputs of a file for all evaluation samples, one after the other.
  std::vector<float> OutputsOf(const std::string& path) const {
    const auto model = v1::Model::Open(path);
    if (!model.ok()) ADD_FAILURE() << model.error();
    const auto session = v1::Session::Create(model.value(), {.threads = 2});
    if (!session.ok()) ADD_FAILURE() << session.error();
    const std::span<const float> all = evaluation_.values<float>();
    constexpr size_t kSample = kChannels * kPixels;
    std::vector<float> outputs;
    for (size_t at = 0; at < all.size(); at += kSample) {
      const auto y = session->Run(
          {v1::TensorView::Of(all.subspan(at, kSample), {1, kChannels, kEdge, kEdge})});
      if (!y.ok()) ADD_FAILURE() << y.error();
      const auto values = y.value().at(0).values<float>();
      outputs.insert(outputs.end(), values.begin(), values.end());
    }
    return outputs;
  }

  std::filesystem::path folder_;
  Tensor evaluation_;
};

int ClassOf(const float* scores) {
  return static_cast<int>(std::max_element(scores, scores + kClasses) - scores);
}

TEST_F(OptimizeSmallNetwork, RemovesWhatSaysNothingNew) {
  for (const char* format : {"fp32", "dfp16"}) {
    SCOPED_TRACE(format);
    v1::OptimizeOptions options = Options();
    options.format = format;
    const auto result = v1::Optimize(options);
    ASSERT_TRUE(result.ok()) << result.error();
    EXPECT_EQ(result->output, options.output);
    EXPECT_EQ(result->metric, "agreement");
    EXPECT_EQ(result->macs_before, kMacs);
    EXPECT_GT(result->latency_before_ms, 0);
    EXPECT_GT(result->latency_after_ms, 0);
    std::ifstream file(options.json_report);
    const auto json = nlohmann::json::parse(file);
    EXPECT_EQ(json, nlohmann::json::parse(result->json));
    // What was eliminated does not hang on a measured time; what was written does.
    const auto& eliminated = json.at("parts").at("sve_only");
    EXPECT_LE(eliminated.at("macs").get<double>() * kReduce, static_cast<double>(kMacs));
    EXPECT_LT(eliminated.at("accuracy_drop_points").get<double>(), 1);
    if (result->given_up.empty()) {
      EXPECT_EQ(result->format, format);
      EXPECT_LE(static_cast<double>(result->macs_after) * kReduce, static_cast<double>(kMacs));
      EXPECT_LT(result->bytes_after, result->bytes_before);
    } else {
      EXPECT_EQ(result->macs_after, kMacs);
    }
    // The file does what the result says of it.
    const std::vector<float> before = OutputsOf(options.model), after = OutputsOf(options.output);
    ASSERT_EQ(before.size(), after.size());
    double difference = 0, norm = 0;
    int agree = 0;
    for (size_t i = 0; i < before.size(); ++i) {
      difference += std::pow(double{after[i]} - before[i], 2);
      norm += std::pow(double{before[i]}, 2);
      if (i % kClasses == 0) agree += ClassOf(&before[i]) == ClassOf(&after[i]);
    }
    EXPECT_LT(std::sqrt(difference / norm), 0.02);
    const double samples = static_cast<double>(evaluation_.dim(0));
    EXPECT_NEAR(result->accuracy_after, 100 * agree / samples, 1e-6);
    EXPECT_GT(agree, 0.97 * samples);
  }
}

TEST_F(OptimizeSmallNetwork, DistanceCountsEveryOutput) {
  Rng rng(6);
  v1::OptimizeOptions options = Options();
  ASSERT_TRUE(WriteFileAtomically(options.model, SmallNetwork(rng, true)).ok());
  options.reduce_macs.reset();
  options.metric = "relative-l2";
  options.max_drop = 1.0;
  options.format = "fp32";
  const auto result = v1::Optimize(options);
  ASSERT_TRUE(result.ok()) << result.error();
  EXPECT_EQ(result->accuracy_before, 0);
  EXPECT_LE(result->accuracy_after, 1.1);
}

TEST_F(OptimizeSmallNetwork, KeepsToTheDropThatIsAllowed) {
  v1::OptimizeOptions options = Options();
  options.reduce_macs.reset();
  options.max_drop = 2.0;
  const auto result = v1::Optimize(options);
  ASSERT_TRUE(result.ok()) << result.error();
  EXPECT_LE(result->macs_after, result->macs_before);
  EXPECT_NEAR(result->accuracy_before - result->accuracy_after, result->accuracy_drop, 1e-6);
  // Chosen on other samples than these: their standard error is about 1 point.
  EXPECT_LT(result->accuracy_drop, 8);
  EXPECT_FALSE(OutputsOf(options.output).empty());
}

// Three products of x: "spread" makes 128 x_0 + x_i of channels that "difference" subtracts from
// each other again, and must not read with 8 bits of mantissa. "mix" has nothing particular.
std::string CancellingNetwork(Rng& rng) {
  constexpr int64_t kWidth = 64;
  std::vector<float> adds(kWidth * kWidth, 0.0f), subtracts(kWidth * kWidth, 0.0f);
  for (int64_t i = 0; i < kWidth; ++i) {
    adds[i] = 128;
    adds[i * kWidth + i] += 1;
    subtracts[i * kWidth + i] = 1;
    subtracts[(i + 1) % kWidth * kWidth + i] = -1;
  }
  ModelBuilder model;
  model.Input("x", onnx::TensorProto::FLOAT, {-1, kWidth});
  model.Floats("w1", {kWidth, kWidth}, adds);
  model.Floats("w2", {kWidth, kWidth}, subtracts);
  model.Floats("w3", {kWidth, kWidth}, Normal(rng, kWidth * kWidth, 0.1));
  model.Node("MatMul", {"x", "w1"}, {"s"}, "spread");
  model.Node("MatMul", {"s", "w2"}, {"d"}, "difference");
  model.Node("MatMul", {"d", "w3"}, {"y"}, "mix");
  model.Output("y");
  return model.Bytes();
}

// On a machine of which the table says that 16 bits take half the time and eliminating saves none.
TEST_F(OptimizeSmallNetwork, OnlyTheNodeThat16BitsHarmStaysInFp32) {
  Rng rng(8);
  v1::OptimizeOptions options = Options();
  options.reduce_macs.reset();
  options.metric = "relative-l2";
  options.max_drop = 2.0;
  options.costs = Path("costs.json");
  ASSERT_TRUE(WriteFileAtomically(options.model, CancellingNetwork(rng)).ok());
  for (const auto& [path, count] : {std::pair{options.calibration, 300}, {options.evaluation, 200}})
    ASSERT_TRUE(WriteNpy(path, RandomTensor({count, 64}, rng)).ok());
  // What is compared hangs on what the table says: a few runs until it has all.
  std::optional<nlohmann::json> result;
  for (int run = 0; run < 4; ++run) {
    const auto got = v1::Optimize(options);
    ASSERT_TRUE(got.ok()) << got.error();
    result = nlohmann::json::parse(got->json);
    nlohmann::json table = nlohmann::json::parse(ReadFile(options.costs, 1 << 20).value());
    for (auto& [key, ms] : table["one_thread_ms"].items()) ms = key.starts_with("fp32") ? 2 : 1;
    for (auto& [key, speedup] : table["speedups"].items()) speedup = 1.5;
    ASSERT_TRUE(WriteFileAtomically(options.costs, table.dump()).ok());
  }
  SCOPED_TRACE(result->dump(1));
  for (const auto& layer : result->at("layers"))
    EXPECT_EQ(layer.at("weight_format"), layer.at("name") == "difference" ? "fp32" : "dfp16");
}

}  // namespace
}  // namespace deftnn
