#include "deftnn/pipeline/replay.h"

#include <gtest/gtest.h>

#include <cmath>

#include "deftnn/graph/segment.h"
#include "deftnn/passes/passes.h"
#include "deftnn/passes/random_network_test.h"

namespace deftnn {
namespace {

Dataset DataFor(const Graph& graph, Rng& rng, int64_t samples) {
  Tensor x = test::RandomInputs(graph, rng, samples).front();
  return Dataset::Of({{graph.value(graph.inputs()[0]).name, x}}).value();
}

std::vector<std::string> NamesOf(const Graph& graph, const std::vector<ValueId>& ids) {
  std::vector<std::string> names;
  for (ValueId id : ids) names.push_back(graph.value(id).name);
  return names;
}

// Relative to the largest value, which a plan's other fusions may round differently.
void ExpectNear(const Outputs& got, const Outputs& wanted, double tolerance) {
  ASSERT_EQ(got.parts.size(), wanted.parts.size());
  for (size_t p = 0; p < got.parts.size(); ++p) {
    EXPECT_EQ(got.parts[p].begin, wanted.parts[p].begin);
    ASSERT_EQ(got.parts[p].tensors.size(), wanted.parts[p].tensors.size());
    const auto a = got.parts[p].tensors[0].values<float>();
    const auto b = wanted.parts[p].tensors[0].values<float>();
    ASSERT_EQ(a.size(), b.size());
    double largest = 0, difference = 0;
    for (size_t i = 0; i < a.size(); ++i) {
      largest = std::max(largest, std::abs(double(b[i])));
      difference = std::max(difference, std::abs(double(a[i]) - b[i]));
    }
    EXPECT_LE(difference, tolerance * largest);
  }
}

TEST(Segment, TwoHalvesAreTheWhole) {
  for (uint64_t seed = 1; seed <= 40; ++seed) {
    SCOPED_TRACE(fmt::format("seed {}", seed));
    Rng rng(seed);
    const Graph graph = Canonicalise(test::RandomNetwork(rng)).value();
    const int nodes = static_cast<int>(graph.nodes().size());
    const int cut = static_cast<int>(rng.Between(0, nodes));
    const Graph front = Segment(graph, 0, cut), back = Segment(graph, cut, nodes);
    EXPECT_EQ(front.nodes().size() + back.nodes().size(), graph.nodes().size());
    EXPECT_EQ(NamesOf(back, back.outputs()),
              cut == nodes ? std::vector<std::string>{} : NamesOf(graph, graph.outputs()));
    // What the back reads, the front makes or the graph is given.
    const std::vector<std::string> live = NamesOf(graph, LiveBefore(graph, cut));
    for (const std::string& name : NamesOf(back, back.inputs()))
      EXPECT_NE(std::find(live.begin(), live.end(), name), live.end()) << name;
  }
}

TEST(Segment, AnOutputOfTheFrontStaysLive) {
  Graph graph;
  const ValueId x = graph.AddValue("x"), y = graph.AddValue("y"), z = graph.AddValue("z");
  graph.AddInput(x);
  graph.AddNode({"first", "", "Relu", {x}, {y}, {}});
  graph.AddNode({"second", "", "Relu", {x}, {z}, {}});
  graph.AddOutput(z);
  graph.AddOutput(y);
  EXPECT_EQ(LiveBefore(graph, 0), std::vector<ValueId>{x});
  EXPECT_EQ(LiveBefore(graph, 1), (std::vector<ValueId>{x, y}));
  EXPECT_EQ(LiveBefore(graph, 2), (std::vector<ValueId>{y, z}));
  EXPECT_EQ(NamesOf(Segment(graph, 1, 2), Segment(graph, 1, 2).inputs()),
            std::vector<std::string>{"x"});
}

// Stretch by stretch, with room for what is live or without, it is what one run gives.
TEST(Replay, StretchesGiveWhatOneRunGives) {
  for (uint64_t seed = 1; seed <= 40; ++seed) {
    SCOPED_TRACE(fmt::format("seed {}", seed));
    Rng rng(seed);
    const Graph graph = Canonicalise(test::RandomNetwork(rng)).value();
    const Dataset data = DataFor(graph, rng, 6);
    const auto session = Session::Create(graph, {.threads = 2}).value();
    const int64_t batch = 2;
    const Outputs whole = RunOver(*session, data, batch).value();
    for (const int64_t most_bytes : {int64_t{1} << 20, int64_t{3000}, int64_t{0}}) {
      Replay replay(data, {.batch = batch, .session = {.threads = 2}, .most_bytes = most_bytes});
      for (const Node& node : graph.nodes()) {
        if (rng.Below(2) == 0) continue;
        int64_t seen = 0;
        const Status run =
            replay.RunTo(graph, node.name, [&](int64_t first, const Replay::Live& live) -> Status {
              EXPECT_EQ(first, seen);
              seen += batch;
              for (ValueId id : node.inputs) {
                const bool given = id != kNoValue && !graph.value(id).is_constant();
                EXPECT_TRUE(!given || live.count(graph.value(id).name) == 1);
              }
              return {};
            });
        ASSERT_TRUE(run.ok()) << run.ToString();
        EXPECT_EQ(seen, data.size());
        if (rng.Below(2) == 0) ExpectNear(replay.RunToEnd(graph).value(), whole, 1e-5);
      }
      ExpectNear(replay.RunToEnd(graph).value(), whole, 1e-5);
    }
  }
}

TEST(Replay, AVisitThatFailsEndsTheRun) {
  Rng rng(3);
  const Graph graph = Canonicalise(test::RandomNetwork(rng)).value();
  const Dataset data = DataFor(graph, rng, 6);
  Replay replay(data, {.batch = 2, .session = {.threads = 1}});
  int calls = 0;
  const Status run =
      replay.RunTo(graph, graph.nodes().back().name, [&](int64_t, const Replay::Live&) -> Status {
        ++calls;
        return Error("enough");
      });
  EXPECT_FALSE(run.ok());
  EXPECT_EQ(calls, 1);
}

}  // namespace
}  // namespace deftnn
