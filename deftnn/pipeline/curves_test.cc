#include "deftnn/pipeline/curves.h"

#include <gtest/gtest.h>

#include <cmath>

#include "deftnn/passes/passes.h"
#include "deftnn/passes/random_network_test.h"
#include "deftnn/pipeline/allocate.h"
#include "deftnn/pipeline/choose_allocator.h"

namespace deftnn {
namespace {

constexpr int64_t kSamples = 300, kWidth = 16;

Yardstick YardstickOf(const std::string& metric) {
  Yardstick yardstick;
  yardstick.metric = FindMetric(metric).value();
  return yardstick;
}

// A chain of three fully connected layers on correlated inputs, the first of them constant, with
// all that curves are measured from.
struct Chain {
  explicit Chain(uint64_t seed, int64_t constant_inputs = 0) {
    Rng rng(seed);
    test::NetworkBuilder build(rng);
    test::Image x = build.Input(kWidth, 1, 1);
    for (int layer = 0; layer < 3; ++layer) {
      x = build.Conv(x, kWidth, 1);
      if (layer < 2) x.id = build.Op("Relu", {x.id});
    }
    x.id = build.Op("Flatten", {x.id});
    build.graph().AddOutput(x.id);
    graph = Canonicalise(build.graph()).value();
    layers = ListLayers(graph, InferShapes(graph, DefaultInputs(graph, 1)).value()).value();
    Tensor samples = test::RandomInputs(graph, rng, kSamples).front();
    for (int64_t i = 0; i < samples.size(); ++i)
      if (i % kWidth < constant_inputs) samples.mutable_values<float>()[i] = 1;
    data = Dataset::Of({{graph.value(graph.inputs()[0]).name, samples}}).value();
    original =
        Session::Create(graph, {.threads = 2, .isa = std::nullopt, .packed = nullptr}).value();
    statistics = CalibrateOriginal(*original, layers, data, {}, pool, &targets).value();
  }

  CurvesByLoss Curves(const std::string& metric, bool every_fraction) {
    CurveOptions options;
    options.yardstick = YardstickOf(metric);
    options.every_fraction = every_fraction;
    options.threads = 2;
    return MeasureCurves(*original, layers, statistics, data, options, pool).value();
  }

  // Layer i alone keeps a fraction of its entries of K: its own error.
  Elimination Cut(size_t i, double fraction) {
    const LayerProblem problem = ProblemOf(graph, layers[i], statistics[i]).value();
    return Eliminator::Create(problem, OptionsOf({}, "synapse", fraction))
        .value()
        .KeepFraction(fraction)
        .value();
  }

  Graph graph;
  std::vector<Layer> layers;
  Dataset data;
  ThreadPool pool{2};
  std::unique_ptr<Session> original;
  LayerTargets targets;
  std::vector<LayerStatistics> statistics;
};

double ErrorAt(const ErrorCurve& curve, double fraction) { return Interpolate(curve, fraction); }

TEST(MeasureCurves, AreTheLossesOfTheNetworkWithOneLayerCut) {
  Chain chain(3);
  ASSERT_EQ(chain.layers.size(), 3U);
  const CurvesByLoss curves = chain.Curves("agreement", true);
  ASSERT_EQ(curves.size(), 2U);
  const Outputs reference = RunOver(*chain.original, chain.data).value();
  for (size_t i = 0; i < chain.layers.size(); ++i) {
    SCOPED_TRACE(chain.layers[i].name);
    const Graph cut = WithElimination(chain.graph, chain.layers[i], chain.Cut(i, 0.5)).value();
    const auto session =
        Session::Create(cut, {.threads = 2, .isa = std::nullopt, .packed = nullptr}).value();
    const Outputs outputs = RunOver(*session, chain.data).value();
    const double divergence = MeanKl(reference, outputs).value();
    const double distance = LossOf(reference, outputs, YardstickOf("relative-l2")).value();
    EXPECT_GT(divergence, 0);
    EXPECT_NEAR(ErrorAt(curves[0][i].fine.at(0), 0.5), std::sqrt(divergence),
                1e-3 * std::sqrt(divergence));
    EXPECT_NEAR(ErrorAt(curves[1][i].fine.at(0), 0.5), std::sqrt(distance),
                1e-3 * std::sqrt(distance));
    EXPECT_EQ(curves[0][i].channels.fractions.empty(), i == 0);
    EXPECT_EQ(curves[0][i].channel_order, curves[1][i].channel_order);
  }
}

TEST(MeasureCurves, OneFractionStandsForTheOthersByTheLayersOwnError) {
  Chain chain(4);
  const CurvesByLoss every = chain.Curves("agreement", true),
                     one = chain.Curves("agreement", false);
  for (size_t loss = 0; loss < 2; ++loss) {
    for (size_t i = 0; i < chain.layers.size(); ++i) {
      SCOPED_TRACE(fmt::format("loss {}, {}", loss, chain.layers[i].name));
      const double run = ErrorAt(every[loss][i].fine.at(0), 0.3);
      EXPECT_NEAR(ErrorAt(one[loss][i].fine.at(0), 0.3), run, 1e-6 * run);
      for (const double fraction : {0.75, 0.5, 0.15}) {
        const double wanted = run * std::sqrt(chain.Cut(i, fraction).relative_error /
                                              chain.Cut(i, 0.3).relative_error);
        EXPECT_NEAR(ErrorAt(one[loss][i].fine.at(0), fraction), wanted, 1e-6 * wanted);
      }
    }
  }
}

TEST(MeasureCurves, AMetricWithoutClassesHasItsDistanceAlone) {
  Chain chain(5);
  EXPECT_EQ(chain.Curves("relative-l2", true).size(), 1U);
}

TEST(PlanCurves, LargeNetworksAreRunLess) {
  CurveOptions options;
  const auto plan = [&](int64_t macs_a_sample, int64_t available, int64_t fixed = 1) {
    Layer layer;
    layer.outputs = 1;
    layer.kept_k = 1000;
    layer.rows = macs_a_sample / 1000 * 2;  // of two samples
    return PlanCurves({layer}, options, available, 2, fixed);
  };
  EXPECT_EQ(plan(1'000'000, 256).samples, 256);
  EXPECT_TRUE(plan(1'000'000, 256).every_fraction);
  // Four fractions of one stage: 2e13 / (4 * 5e10) samples.
  EXPECT_EQ(plan(50'000'000'000, 256).samples, 100);
  EXPECT_TRUE(plan(50'000'000'000, 256).every_fraction);
  EXPECT_EQ(plan(200'000'000'000, 256).samples, 100);
  EXPECT_FALSE(plan(200'000'000'000, 256).every_fraction);
  EXPECT_EQ(plan(2'000'000'000'000, 256).samples, 64);
  EXPECT_EQ(plan(2'000'000'000'000, 40).samples, 40);
  EXPECT_EQ(plan(50'000'000'000, 256, 16).samples, 96);
  EXPECT_EQ(plan(50'000'000'000, 3, 16).samples, 16);
}

// A chain whose candidates are judged by how often they agree with it.
struct JudgedChain {
  explicit JudgedChain(Chain& of)
      : chain(of),
        reference(RunOver(*of.original, of.data).value()),
        yardstick(YardstickOf("agreement")),
        score(ScoreOutputs(reference, &reference, of.data, yardstick, {"y"}).value()) {}

  SearchSetting Setting(const Allocator* allocator) {
    return {*chain.original, *chain.original, chain.layers, allocator, chain.data, chain.targets,
            chain.data,      reference,       score,        yardstick, {},         1,
            chain.pool};
  }

  Chain& chain;
  Outputs reference;
  Yardstick yardstick;
  Score score;
};

// What goes for free is not in the allocator's costs.
TEST(SearchMacs, GivesNoMoreAwayThanTheGoal) {
  constexpr double kGoal = 1.5;
  Chain chain(7, 6);
  const CurvesByLoss curves = chain.Curves("agreement", true);
  const Allocator allocator(chain.layers, curves[0], CostModel::CountMacs(chain.layers),
                            FormatOffers());
  JudgedChain judged(chain);
  const SearchSetting setting = judged.Setting(&allocator);
  const double first =
      MakeCandidate(setting, allocator.Within(allocator.DenseCost() / kGoal)).value().macs_ratio;
  const double found = SearchMacs(setting, kGoal).value().macs_ratio;
  EXPECT_GE(found, kGoal);
  EXPECT_LT(found, first);
}

// The second allocator believes that the layer which harms most harms least.
TEST(ChooseAllocator, TakesTheOneWhoseCandidateIsClosest) {
  Chain chain(6);
  const CurvesByLoss right = chain.Curves("agreement", true);
  std::vector<LayerCurves> wrong = right[0];
  for (LayerCurves& layer : wrong)
    for (ErrorCurve* curve : {&layer.fine.at(0), &layer.channels})
      for (double& error : curve->errors) error = error > 0 ? 1 / error : 0;
  JudgedChain judged(chain);
  for (const bool right_first : {true, false}) {
    std::vector<Allocator> allocators;
    for (const bool is_right : {right_first, !right_first})
      allocators.emplace_back(chain.layers, is_right ? right[0] : wrong,
                              CostModel::CountMacs(chain.layers), FormatOffers());
    SearchSetting setting = judged.Setting(nullptr);
    ASSERT_TRUE(ChooseAllocator(allocators, 1.5, chain.data, setting).ok());
    EXPECT_EQ(setting.allocator, &allocators[right_first ? 0 : 1]);
    ASSERT_TRUE(setting.made.has_value());
    const auto& allocator = *setting.allocator;
    EXPECT_TRUE(setting.made->recipe == allocator.Within(allocator.DenseCost() / 1.5));
  }
}

}  // namespace
}  // namespace deftnn
