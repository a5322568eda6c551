#include "deftnn/pipeline/allocate.h"

#include <gtest/gtest.h>

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
  const Allocator allocator(layers, curves, CostModel::CountMacs(layers));
  const std::vector<KeptFraction> kept = allocator.Within(allocator.DenseCost() / 2);
  EXPECT_LE(allocator.Cost(kept), allocator.DenseCost() / 2);
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
  const Allocator allocator(layers, curves, CostModel::CountMacs(layers), AllocationRule::kUniform);
  for (const KeptFraction& kept : allocator.Within(allocator.DenseCost() / 2)) {
    EXPECT_NEAR(kept.fine, 0.5, 1e-6);
    EXPECT_EQ(kept.grouping, 0);
  }
}

TEST(Allocator, WhatIsNotOfferedStaysWhole) {
  const std::vector<Layer> layers = EqualLayers(2);
  std::vector<LayerCurves> curves(2);
  curves[0].fine = {Falling(1)};
  const Allocator allocator(layers, curves, CostModel::CountMacs(layers));
  const std::vector<KeptFraction> kept = allocator.Within(0.75 * allocator.DenseCost());
  EXPECT_EQ(kept[0].fine, 0.5);
  EXPECT_TRUE(kept[1].dense());
}

}  // namespace
}  // namespace deftnn
