#include "deftnn/pipeline/allocate.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <limits>
#include <nlohmann/json.hpp>

#include "deftnn/base/file.h"
#include "deftnn/pipeline/depthwise_network_test.h"

namespace deftnn {
namespace {

// Layers of equal cost that do not feed each other.
std::vector<Layer> EqualLayers(size_t count) {
  std::vector<Layer> layers(count);
  for (Layer& layer : layers) {
    layer.outputs = 8;
    layer.layout = {16, 4};
    layer.full_k = layer.kept_k = 64;
    layer.rows = 10;
  }
  return layers;
}

// Roots of errors that fall to 0 at 1.
ErrorCurve Falling(double at_least) { return {{0.1, 1.0}, {at_least, 0.0}}; }

TEST(Allocator, GivesEachLayerTheGroupingOfLessError) {
  const std::vector<Layer> layers = EqualLayers(2);
  std::vector<LayerCurves> curves(2);
  curves[0].fine = {Falling(1), Falling(2)};
  curves[1].fine = {Falling(2), Falling(1)};
  const Allocator allocator(layers, curves, CostModel::CountMacs(layers), {});
  const Recipe recipe = allocator.Within(allocator.DenseCost() / 2);
  const std::vector<KeptFraction>& kept = recipe.kept;
  EXPECT_LE(allocator.Cost(recipe), allocator.DenseCost() / 2);
  for (const int layer : {0, 1}) {
    EXPECT_LT(kept[layer].fine, 1.0);
    EXPECT_EQ(kept[layer].grouping, layer);
    EXPECT_EQ(allocator.Cuts(kept)[layer].grouping, layer);
    EXPECT_EQ(allocator.Cuts(kept)[layer].fine, kept[layer].fine);
  }
}

TEST(Allocator, AUniformShareIsOfTheFirstGrouping) {
  const std::vector<Layer> layers = EqualLayers(3);
  std::vector<LayerCurves> curves(3);
  for (LayerCurves& of : curves) of.fine = {Falling(2), Falling(1)};
  const Allocator allocator(layers, curves, CostModel::CountMacs(layers), {},
                            AllocationRule::kUniform);
  for (const KeptFraction& kept : allocator.Within(allocator.DenseCost() / 2).kept) {
    EXPECT_NEAR(kept.fine, 0.5, 1e-6);
    EXPECT_EQ(kept.grouping, 0);
  }
}

TEST(Allocator, WhatIsNotOfferedStaysWhole) {
  const std::vector<Layer> layers = EqualLayers(2);
  std::vector<LayerCurves> curves(2);
  curves[0].fine = {Falling(1)};
  const Allocator allocator(layers, curves, CostModel::CountMacs(layers), {});
  const std::vector<KeptFraction> kept = allocator.Within(0.75 * allocator.DenseCost()).kept;
  EXPECT_EQ(kept[0].fine, 0.5);
  EXPECT_TRUE(kept[1].dense());
}

// A table as if it had been measured: each multiply-add of a layer costs 1, half that in 16 bits;
// what is no layer costs 60 and 40.
void PretendMeasured(CostTable& table, int64_t all_of_k) {
  const std::string path = testing::TempDir() + "/deftnn_allocate_test.json";
  ASSERT_TRUE(table.Write(path).ok());
  nlohmann::json json = nlohmann::json::parse(ReadFile(path, 1 << 20).value());
  for (auto& [key, ms] : json["one_thread_ms"].items()) {
    const bool half = key.starts_with("dfp16");
    if (const size_t at = key.find(" kept "); at != std::string::npos) {
      const int64_t kept = std::atoll(key.c_str() + at + 6);
      ms = static_cast<double>(kept == 0 ? all_of_k : kept) * (half ? 0.5 : 1.0);
    } else {
      ms = half ? 40 : 60;
    }
  }
  ASSERT_TRUE(WriteFileAtomically(path, json.dump()).ok());
  ASSERT_TRUE(table.Read(path).ok());
  std::filesystem::remove(path);
}

// Formats that cost the same: each node is in the one that harms least.
TEST(Allocator, FormatsAreForSavingTime) {
  std::vector<Layer> layers = EqualLayers(3);
  for (size_t i = 0; i < 3; ++i) layers[i].name = std::string(1, static_cast<char>('a' + i));
  const std::vector<LayerCurves> curves(3);
  const FormatOffers offers{Format::kDfp16, {{"a", 0.1}, {"b", 0.2}}};
  const Allocator allocator(layers, curves, CostModel::CountMacs(layers), offers);
  const Recipe recipe = allocator.Within(allocator.DenseCost());
  EXPECT_EQ(recipe.format, offers.Safest());
  EXPECT_EQ(allocator.Error(recipe), 0);
  EXPECT_EQ(NameOf(allocator.Dense().format), "dfp16");
  EXPECT_NEAR(allocator.Error(allocator.Dense()), 0.3, 1e-12);
}

// A convolution whose inputs may go, and one of each channel by itself, which is no layer.
TEST(Allocator, EliminationAndFormatsTogetherAreAsGoodAsExhaustiveSearch) {
  const test::DepthwiseNetwork network(11);
  const std::vector<Layer>& layers = network.layers;
  Rng rng(11);
  CostTable table(SelectedIsa().value());
  const auto measured = [&] {
    return CostModel::Measure(network.graph, network.infos, 1, layers, network.Offers(1, 1),
                              {"pair"}, table)
        .value();
  };
  measured();
  PretendMeasured(table, layers[0].full_k);
  const CostModel costs = measured();
  EXPECT_FALSE(table.changed());
  for (int round = 0; round < 50; ++round) {
    const FormatOffers offers = network.Offers(rng.Uniform(), rng.Uniform());
    std::vector<LayerCurves> curves(1);
    curves[0].fine = {{{0.1, 1.0}, {1 + rng.Uniform(), 0.0}}};
    const Allocator allocator(layers, curves, costs, offers);
    ASSERT_EQ(allocator.reasons()[0], "");
    std::vector<Recipe> all;
    for (const double fine : {1.0, kMostFine, 0.72, 0.6, 0.5, 0.4, 0.3, 0.22, 0.15}) {
      for (int in_fp32 = 0; in_fp32 < 4; ++in_fp32) {
        FormatChoice format(Format::kDfp16);
        if (in_fp32 % 2 == 1) format.in_fp32.insert(layers[0].name);
        if (in_fp32 / 2 == 1) format.in_fp32.insert(network.depthwise);
        all.push_back({{{1.0, fine, 0}}, format});
      }
    }
    const double budget = allocator.DenseCost() * (0.3 + 0.7 * rng.Uniform());
    double least = std::numeric_limits<double>::infinity();
    for (const Recipe& recipe : all)
      if (allocator.Cost(recipe) <= budget) least = std::min(least, allocator.Error(recipe));
    const Recipe recipe = allocator.Within(budget);
    ASSERT_TRUE(std::isfinite(least));
    EXPECT_LE(allocator.Cost(recipe), budget * (1 + 1e-9));
    EXPECT_NEAR(allocator.Error(recipe), least, 1e-9) << "round " << round;
  }
}

}  // namespace
}  // namespace deftnn
