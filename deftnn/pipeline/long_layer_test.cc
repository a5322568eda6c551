// A layer with more inputs than a Gram matrix can hold: it stays dense, and the rest is optimised.
#include <gtest/gtest.h>
#include <unistd.h>

#include <cmath>
#include <filesystem>

#include "deftnn/base/file.h"
#include "deftnn/base/rng.h"
#include "deftnn/data/npy.h"
#include "deftnn/onnx/model_builder_test.h"
#include "deftnn/pipeline/verbs.h"

namespace deftnn {
namespace {

constexpr int64_t kLongInputs = 16500, kHidden = 32, kClasses = 5, kFewSamples = 160;

std::string LongAndShort(Rng& rng) {
  ModelBuilder model;
  model.Input("x", onnx::TensorProto::FLOAT, {-1, kLongInputs});
  model.Floats("w1", {kLongInputs, kHidden},
               Normal(rng, kLongInputs * kHidden, 1 / std::sqrt(double{kLongInputs})));
  model.Floats("w2", {kHidden, kHidden}, Normal(rng, kHidden * kHidden, 0.3));
  model.Floats("w3", {kHidden, kClasses}, Normal(rng, kHidden * kClasses, 0.3));
  model.Node("MatMul", {"x", "w1"}, {"a"}, "long");
  model.Node("Relu", {"a"}, {"b"});
  model.Node("MatMul", {"b", "w2"}, {"c"}, "short");
  model.Node("Relu", {"c"}, {"d"});
  model.Node("MatMul", {"d", "w3"}, {"y"}, "last");
  model.Output("y");
  return model.Bytes();
}

TEST(LongLayer, StaysDenseWithTheReason) {
  std::string folder = ::testing::TempDir() + "/deftnn_long_XXXXXX";
  ASSERT_NE(mkdtemp(folder.data()), nullptr);
  Rng rng(3);
  ASSERT_TRUE(WriteFileAtomically(folder + "/long.onnx", LongAndShort(rng)).ok());
  Tensor samples =
      Tensor::Of<float>({kFewSamples, kLongInputs}, Normal(rng, kFewSamples * kLongInputs, 1));
  ASSERT_TRUE(WriteNpy(folder + "/x.npy", samples).ok());
  OptimizeOptions options;
  options.model = folder + "/long.onnx";
  options.output = folder + "/fast.deft";
  options.calibration = folder + "/x.npy";
  options.calibration_samples = 80;
  options.max_drop = 100;
  options.format = "fp32";
  options.common.threads = 2;
  const auto record = Optimize(options);
  std::filesystem::remove_all(folder);
  ASSERT_TRUE(record.ok()) << record.status().ToString();
  ASSERT_EQ(record->layers.size(), 3U);
  EXPECT_EQ(record->layers[0].reason,
            "K = 16500 is too long: statistics of its inputs would take 2.2 GB");
  EXPECT_EQ(record->layers[0].k_kept, kLongInputs);
  EXPECT_EQ(record->layers[0].relative_error, 0);
  EXPECT_TRUE(record->layers[1].k_kept < kHidden || record->layers[2].k_kept < kHidden);
}

}  // namespace
}  // namespace deftnn
