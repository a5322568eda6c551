// A convolution and a depthwise one behind it, which has a format and is no layer, for tests.
#pragma once

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "deftnn/ndf/apply_format.h"
#include "deftnn/passes/passes.h"
#include "deftnn/passes/random_network_test.h"
#include "deftnn/pipeline/format_offers.h"
#include "deftnn/pipeline/layers.h"

namespace deftnn::test {

/// 32 channels of 10 x 10 pixels at batch 1.
struct DepthwiseNetwork {
  explicit DepthwiseNetwork(uint64_t seed) {
    Rng rng(seed);
    NetworkBuilder build(rng);
    Image x = build.Conv(build.Input(32, 10, 10), 32, 3);
    x.id = build.Op("Relu", {x.id});
    build.graph().AddOutput(build.Conv(x, 32, 3, 32).id);
    graph = Canonicalise(build.graph()).value();
    infos = InferShapes(graph, DefaultInputs(graph, 1)).value();
    layers = ListLayers(graph, infos).value();
    EXPECT_EQ(layers.size(), 1U);
    for (const Node& node : graph.nodes())
      if (HasFormat(node) && node.name != layers[0].name) depthwise = node.name;
    EXPECT_FALSE(depthwise.empty());
  }
  /// Both nodes are open.
  FormatOffers Offers(double harm_of_layer, double harm_of_depthwise) const {
    return {Format::kDfp16, {{layers[0].name, harm_of_layer}, {depthwise, harm_of_depthwise}}};
  }

  Graph graph;
  std::vector<ValueInfo> infos;
  std::vector<Layer> layers;
  std::string depthwise;  // its name
};

}  // namespace deftnn::test
