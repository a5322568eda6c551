#include "deftnn/tune/training.h"

#include <gtest/gtest.h>

#include "deftnn/passes/passes.h"
#include "deftnn/passes/random_network_test.h"

namespace deftnn {
namespace {

constexpr int64_t kSamples = 40, kBatch = 8, kWidth = 6;

// A network of one fully connected layer, and samples with labels.
class Training : public testing::Test {
 protected:
  void SetUp() override {
    const auto engine = OpenTuneEngine();
    if (!engine.ok()) GTEST_SKIP() << engine.status().ToString();
    engine_ = *engine;
    Rng rng(1);
    test::NetworkBuilder build(rng);
    test::Image x = build.Conv(build.Input(kWidth, 1, 1), 3, 1);
    x.id = build.Op("Flatten", {x.id});
    build.graph().AddOutput(x.id);
    graph_ = Canonicalise(build.graph()).value();
    const Tensor samples = test::RandomInputs(graph_, rng, kSamples).front();
    data_ = Dataset::Of({{"x", samples}}).value();
  }

  // Samples and their classes.
  static Result<TrainingBatch> Feed(const Dataset& data, int64_t begin, int64_t count) {
    TrainingBatch batch;
    batch.inputs = data.Batch(begin, count).inputs;
    for (int64_t i = begin; i < begin + count; ++i) batch.labels.push_back(data.indices()[i] % 3);
    return batch;
  }

  // Every constant of the network after four epochs.
  std::vector<float> TrainedOn(int threads) {
    const Dataset held_out = data_.Slice(0, kBatch);
    const TrainingSetting setting{
        .graph = graph_, .teacher = nullptr, .training = data_, .held_out = held_out, .feed = Feed};
    TrainingOptions options;
    options.epochs = 4;
    options.learning_rate = 0.01;
    options.batch = 16;
    options.threads = threads;
    const auto trained = Train(*engine_, setting, options);
    EXPECT_TRUE(trained.ok());
    std::vector<float> values;
    for (const Value& value : trained->graph.values()) {
      if (!value.constant.defined() || value.constant.type() != ElementType::kFloat32) continue;
      for (const float one : value.constant.values<float>()) values.push_back(one);
    }
    return values;
  }

  // The samples that a run is trained on, in their order.
  std::vector<int64_t> Seen(double epochs, double epochs_before) {
    std::vector<int64_t> seen;
    const Dataset held_out = data_.Slice(0, kBatch);
    TrainingSetting setting{.graph = graph_,
                            .teacher = nullptr,
                            .training = data_,
                            .held_out = held_out,
                            .feed = nullptr};
    setting.feed = [&](const Dataset& data, int64_t begin, int64_t count) -> Result<TrainingBatch> {
      for (int64_t i = begin; i < begin + count; ++i)
        if (&data != &held_out) seen.push_back(data.indices()[i]);
      return Feed(data, begin, count);
    };
    TrainingOptions options;
    options.epochs = epochs;
    options.epochs_before = epochs_before;
    options.batch = kBatch;
    EXPECT_TRUE(Train(*engine_, setting, options).ok());
    return seen;
  }

  const TuneEngine* engine_ = nullptr;
  Graph graph_;
  Dataset data_;
};

TEST_F(Training, ComesToTheSameOnThreadsThatShareOutTheSamplesOfAStep) {
  const std::vector<float> alone = TrainedOn(1), together = TrainedOn(4);
  ASSERT_EQ(alone.size(), together.size());
  for (size_t i = 0; i < alone.size(); ++i) EXPECT_NEAR(alone[i], together[i], 1e-5);
  EXPECT_EQ(TrainedOn(4), together);
}

TEST_F(Training, GoesOnWhereAnEarlierRoundEnded) {
  const std::vector<int64_t> whole = Seen(2, 0);
  ASSERT_EQ(whole.size(), 2 * kSamples);
  std::vector<int64_t> parts = Seen(0.6, 0);
  for (const int64_t sample : Seen(0.8, 0.6)) parts.push_back(sample);
  for (const int64_t sample : Seen(0.6, 1.4)) parts.push_back(sample);
  EXPECT_EQ(parts, whole);
}

}  // namespace
}  // namespace deftnn
