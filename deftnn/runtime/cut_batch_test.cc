// Networks run over parts of a batch, beside one sample at a time and the whole batch at once.
#include "deftnn/runtime/cut_batch.h"

#include <gtest/gtest.h>

#include <cstring>
#include <thread>

#include "deftnn/ndf/apply_format.h"
#include "deftnn/runtime/session.h"
#include "deftnn/runtime/test_networks.h"

namespace deftnn {
namespace {

// Costs at which small networks are cut, here and there.
TrafficCosts RandomCosts(Rng& rng) {
  TrafficCosts costs;
  costs.near_bytes = rng.Between(1, 20000);
  costs.far_bytes = costs.near_bytes + rng.Between(1, 40000);
  costs.launch_ns = rng.Below(3) == 0 ? 0 : rng.Uniform() * 100;
  return costs;
}

// At which a few samples of the networks here fit a cache, and starting a step costs nothing.
TrafficCosts SmallParts() {
  TrafficCosts costs;
  costs.near_bytes = 20000;
  costs.far_bytes = 40000;
  costs.launch_ns = 0;
  return costs;
}

TrafficCosts WholeBatch() {
  TrafficCosts costs;
  costs.near_bytes = costs.far_bytes = int64_t{1} << 40;
  return costs;
}

// One layer of a random kind onto an image of `channels`, which it may change.
ValueId AddLayer(Builder& b, Rng& rng, ValueId x, int64_t& channels) {
  const int64_t outputs = rng.Between(1, 40), from = channels;
  switch (rng.Below(10)) {
    case 0:
      return b.AddConv(x, {.channels = from, .outputs = from, .keep = 0.6, .residual = x});
    case 1:
      return b.AddDepthwise(x, from);
    case 2:
      return b.AddOp("MaxPool", {x},
                     {{"kernel_shape", std::vector<int64_t>{2, 2}},
                      {"pads", std::vector<int64_t>{1, 0, 0, 1}}});
    case 3: {  // a concatenation of which one part is read elsewhere too
      const ValueId first = b.AddConv(x, {.channels = from, .outputs = outputs});
      const ValueId second =
          b.AddConv(first, {.channels = outputs, .outputs = 3, .kernel = 1, .pad = 0});
      channels = outputs + 3;
      return b.AddOp("Concat", {first, second}, {{"axis", int64_t{1}}});
    }
    case 4:
      return b.AddOp("Add", {b.AddOp("HardSwish", {x}), x});
    case 5: {  // squeeze and excitation
      const ValueId scale = b.AddOp("Sigmoid", {b.AddOp("GlobalAveragePool", {x})});
      return b.AddOp("Mul", {x, scale});
    }
    case 6:  // without a kernel of its own
      return b.AddOp("Softmax", {x}, {{"axis", int64_t{1}}});
    case 7: {  // every other pixel, and channels of zeros
      const auto ints = [&](const std::vector<int64_t>& values) {
        return b.graph.AddConstant("ints", Tensor::Of<int64_t>({std::ssize(values)}, values));
      };
      const ValueId pixels =
          b.AddOp("Slice", {x, ints({0, 0}), ints({99, 99}), ints({2, 3}), ints({2, 2})});
      channels = from + 3;
      return b.AddOp("Pad", {pixels, ints({0, 1, 1, 0, 0, 2, 0, 1})});
    }
    default:
      channels = outputs;
      return b.AddConv(x, {.channels = from, .outputs = outputs, .keep = 0.5 + rng.Uniform()});
  }
}

// x: [?, channels, h, w]; several outputs.
Graph RandomNetwork(Rng& rng, Shape& sample) {
  Builder b(rng);
  int64_t channels = rng.Between(1, 9);
  sample = {channels, rng.Between(4, 10), rng.Between(4, 10)};
  ValueId x = b.Input({kDynamic, sample[0], sample[1], sample[2]});
  const int64_t layers = rng.Between(2, 7);
  for (int64_t i = 0; i < layers; ++i) x = AddLayer(b, rng, x, channels);
  b.graph.AddOutput(x);
  const ValueId flat = b.AddOp("Flatten", {b.AddOp("GlobalMaxPool", {x})});
  const ValueId hidden = b.AddMatmul(flat, channels, 33, 0.7, Activation::kRelu);
  b.graph.AddOutput(b.AddOp("Softmax", {b.AddMatmul(hidden, 33, 10)}));
  return b.graph;
}

std::unique_ptr<Session> Open(const Graph& graph, const TrafficCosts& costs, int threads = 2) {
  SessionOptions options;
  options.threads = threads;
  options.costs = costs;
  auto session = Session::Create(graph, options);
  EXPECT_TRUE(session.ok()) << session.status().ToString();
  return std::move(session).value();
}

std::vector<Tensor> RunOn(Session& session, const Tensor& input) {
  auto outputs = session.Run({input});
  EXPECT_TRUE(outputs.ok()) << outputs.status().ToString();
  return std::move(outputs).value();
}

Tensor SampleOf(const Tensor& batch, int64_t index) {
  Shape shape = batch.shape();
  const size_t bytes = batch.bytes() / shape[0];
  shape[0] = 1;
  Tensor sample = Tensor::Zeros(batch.type(), shape);
  std::memcpy(sample.mutable_data(), batch.data() + index * bytes, bytes);
  return sample;
}

Tensor RandomBatch(const Shape& sample, int64_t batch, Rng& rng) {
  return RandomTensor({batch, sample[0], sample[1], sample[2]}, rng);
}

std::shared_ptr<const Plan> PlanOf(Session& session, const Tensor& input) {
  return session.PlanFor({{input.type(), input.shape(), {}}}).value();
}

TEST(CutBatch, OutputsAreThoseOfEachSampleAlone) {
  int in_parts = 0, mixed = 0;
  for (uint64_t seed = 0; seed < 120; ++seed) {
    SCOPED_TRACE(seed);
    Rng rng(seed);
    Shape sample;
    Graph graph = RandomNetwork(rng, sample);
    if (rng.Below(2) == 0) graph = ApplyFormat(graph, Format::kDfp16).value();
    const Tensor input = RandomBatch(sample, rng.Between(2, 17), rng);
    const auto cut = Open(graph, RandomCosts(rng), static_cast<int>(rng.Between(1, 3)));
    const auto plan = PlanOf(*cut, input);
    in_parts += plan->in_parts();
    mixed += plan->sections.size() > 1;
    const auto alone = Open(graph, WholeBatch());
    const std::vector<Tensor> first = RunOn(*cut, input), outputs = RunOn(*cut, input);
    for (size_t i = 0; i < outputs.size(); ++i) {
      EXPECT_TRUE(Identical(first[i], outputs[i])) << "a second run, on what the first left";
    }
    const std::vector<Tensor> at_once = RunOn(*alone, input);
    for (size_t i = 0; i < outputs.size(); ++i) EXPECT_TRUE(Identical(outputs[i], at_once[i]));
    for (int64_t n = 0; n < input.dim(0); ++n) {
      const std::vector<Tensor> expected = RunOn(*alone, SampleOf(input, n));
      for (size_t i = 0; i < outputs.size(); ++i) {
        EXPECT_TRUE(Identical(SampleOf(outputs[i], n), expected[i])) << "sample " << n;
      }
    }
  }
  EXPECT_GT(in_parts, 60);
  EXPECT_GT(mixed, 30);
}

TEST(CutBatch, NetworksThatMixSamplesAreLeftWhole) {
  const std::vector<int64_t> swap{1, 0, 2, 3};
  for (uint64_t seed = 0; seed < 40; ++seed) {
    SCOPED_TRACE(seed);
    Rng rng(seed);
    Builder b(rng);
    const int64_t batch = rng.Between(2, 17), c = rng.Between(1, 5);
    const auto ints = [&](const std::vector<int64_t>& values) {
      const int64_t count = static_cast<int64_t>(values.size());
      return b.graph.AddConstant("ints", Tensor::Of<int64_t>({count}, values));
    };
    const ValueId x = b.Input({batch, c, 6, 6});
    const ValueId before = b.AddConv(x, {.channels = c, .outputs = batch});
    ValueId mixed = before;
    switch (seed % 6) {
      case 0:
        mixed = b.AddOp("Transpose", {before}, {{"perm", swap}});
        break;
      case 1:
        mixed = b.AddOp("Softmax", {before}, {{"axis", int64_t{0}}});
        break;
      case 2:
        mixed = b.AddOp("Sub", {before, b.AddOp("ReduceSum", {before, ints({0})})});
        break;
      case 3: {
        std::vector<int64_t> turned(batch, 0);
        for (int64_t i = 0; i < batch; ++i) turned[i] = batch - 1 - i;
        mixed = b.AddOp("Gather", {before, ints(turned)}, {{"axis", int64_t{0}}});
        break;
      }
      case 4: {
        const ValueId doubled = b.AddOp("Concat", {before, before}, {{"axis", int64_t{0}}});
        mixed = b.AddOp("Slice", {doubled, ints({1}), ints({batch + 1}), ints({0})});
        break;
      }
      default:
        mixed = b.AddOp("Reshape", {before, ints({6, batch, 6, batch})});
        mixed = b.AddOp("Transpose", {mixed}, {{"perm", std::vector<int64_t>{3, 1, 2, 0}}});
        break;
    }
    b.graph.AddOutput(b.AddConv(mixed, {.channels = batch, .outputs = 7}));
    const Tensor input = RandomTensor({batch, c, 6, 6}, rng);
    const auto oracle = EvaluateGraph(b.graph, {input});
    ASSERT_TRUE(oracle.ok()) << oracle.status().ToString();
    const auto session = Open(b.graph, RandomCosts(rng));
    const Tensor output = RunOn(*session, input)[0];
    double largest = 0, worst = 0;
    for (int64_t i = 0; i < output.size(); ++i) {
      const double a = output.values<float>()[i], e = (*oracle)[0].values<float>()[i];
      largest = std::max(largest, std::abs(e));
      worst = std::max(worst, std::abs(a - e));
    }
    EXPECT_LE(worst, 1e-4 * largest + 1e-6);
  }
}

class Everything : public Observer {
 public:
  bool Wants(const std::string&) const override { return true; }
  bool OnInput(const std::string&, const Tensor& input, const Tensor*) override {
    seen.push_back(input);
    return true;
  }
  std::vector<Tensor> seen;
};

TEST(CutBatch, AnObserverSeesTheWholeBatchOfEachStepOnce) {
  Rng rng(5);
  Shape sample;
  const Graph graph = RandomNetwork(rng, sample);
  const Tensor input = RandomBatch(sample, 6, rng);
  const auto cut = Open(graph, SmallParts()), whole = Open(graph, WholeBatch());
  RunOn(*cut, input);
  ASSERT_TRUE(PlanOf(*cut, input)->in_parts());
  Everything in_cut, in_whole;
  ASSERT_TRUE(cut->Run({input}, in_cut).ok());
  ASSERT_TRUE(whole->Run({input}, in_whole).ok());
  ASSERT_EQ(in_cut.seen.size(), in_whole.seen.size());
  for (size_t i = 0; i < in_cut.seen.size(); ++i) {
    EXPECT_TRUE(Identical(in_cut.seen[i], in_whole.seen[i]));
  }
}

TEST(CutBatch, AnEmptyBatchRuns) {
  Rng rng(8);
  Builder b(rng);
  const ValueId x = b.Input({kDynamic, 5});
  const ValueId axes = b.graph.AddConstant("axes", Tensor::Of<int64_t>({1}, {0}));
  b.graph.AddOutput(b.AddOp("Sub", {b.AddOp("ReduceSum", {b.AddOp("Tanh", {x}), axes}),
                                    b.graph.AddConstant("one", Tensor::Of<float>({1}, {1}))}));
  const auto session = Open(b.graph, SmallParts());
  const Tensor output = RunOn(*session, RandomTensor({0, 5}, rng))[0];
  ASSERT_EQ(output.size(), 5);
  for (const float value : output.values<float>()) EXPECT_EQ(value, -1);
}

TEST(CutBatch, ProfilesEachStepOnceAndTakesLessMemory) {
  Rng rng(6);
  Builder b(rng);
  ValueId x = b.Input({kDynamic, 8, 20, 20});
  for (int i = 0; i < 4; ++i) x = b.AddConv(x, {.channels = 8, .outputs = 8});
  b.graph.AddOutput(b.AddOp("GlobalMaxPool", {x}));
  const Tensor input = RandomTensor({12, 8, 20, 20}, rng);
  const auto cut = Open(b.graph, SmallParts()), whole = Open(b.graph, WholeBatch());
  EXPECT_LT(PlanOf(*cut, input)->arena_bytes, PlanOf(*whole, input)->arena_bytes / 6);
  const auto in_parts = cut->Profile({input}, 2), at_once = whole->Profile({input}, 2);
  ASSERT_TRUE(in_parts.ok() && at_once.ok());
  ASSERT_EQ(in_parts->size(), at_once->size());
  for (size_t i = 0; i < in_parts->size(); ++i) {
    EXPECT_EQ((*in_parts)[i].node, (*at_once)[i].node);
    EXPECT_DOUBLE_EQ((*in_parts)[i].cost.flops, (*at_once)[i].cost.flops);
  }
}

TEST(CutBatch, RunsFromSeveralThreadsAtOnce) {
  Rng rng(7);
  Shape sample;
  const Graph graph = RandomNetwork(rng, sample);
  const auto session = Open(graph, SmallParts());
  std::vector<Tensor> inputs, expected;
  for (int i = 0; i < 3; ++i) {
    inputs.push_back(RandomBatch(sample, 4, rng));
    expected.push_back(RunOn(*session, inputs.back())[0]);
  }
  ASSERT_TRUE(PlanOf(*session, inputs[0])->in_parts());
  std::atomic<int> wrong{0};
  std::vector<std::thread> threads;
  for (int i = 0; i < 3; ++i) {
    threads.emplace_back([&, i] {
      for (int repeat = 0; repeat < 20; ++repeat) {
        const auto outputs = session->Run({inputs[i]});
        if (!outputs.ok() || !Identical((*outputs)[0], expected[i])) ++wrong;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(wrong, 0);
}

}  // namespace
}  // namespace deftnn
