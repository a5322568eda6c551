#include "deftnn/pipeline/base_network.h"

#include <gtest/gtest.h>

#include "deftnn/passes/passes.h"
#include "deftnn/passes/random_network_test.h"
#include "deftnn/pipeline/reduce.h"

namespace deftnn {
namespace {

// The layer with about half of its entries, chosen by chance, and chance weights for them.
Elimination SomeEntries(const Layer& layer, Rng& rng) {
  Elimination some;
  for (int64_t k = 0; k < layer.full_k; ++k)
    if (rng.Below(2) == 0) some.kept_entries.push_back(k);
  if (some.kept_entries.empty()) some.kept_entries.push_back(layer.full_k - 1);
  for (size_t i = 0; i < layer.outputs * some.kept_entries.size(); ++i)
    some.weights.push_back(static_cast<float>(rng.Normal()));
  for (int64_t o = 0; o < layer.outputs; ++o) some.bias.push_back(static_cast<float>(rng.Normal()));
  return some;
}

TEST(WithAllEntries, ComputesWhatTheReducedNetworkDoes) {
  int64_t back = 0;
  for (uint64_t seed = 1; seed <= 20; ++seed) {
    SCOPED_TRACE(fmt::format("seed {}", seed));
    Rng rng(seed);
    Graph graph = Canonicalise(test::RandomNetwork(rng)).value();
    const BaseNetwork dense = OpenBase(graph, 2, Isa::kPortable, 1).value();
    for (const Layer& layer : dense.layers) {
      if (layer.groups != 1) continue;
      graph = WithElimination(graph, layer, SomeEntries(layer, rng)).value();
    }
    const Graph reduced = Canonicalise(std::move(graph)).value();
    const Graph all = WithAllEntries(reduced).value();
    test::ExpectSameOutputs(reduced, all, test::RandomInputs(reduced, rng, 2));
    const BaseNetwork base = OpenBase(all, 2, Isa::kPortable, 1).value();
    ASSERT_EQ(base.layers.size(), dense.layers.size());
    for (size_t i = 0; i < base.layers.size(); ++i) {
      EXPECT_EQ(base.layers[i].kept_k, base.layers[i].full_k);
      back += base.layers[i].full_k;
    }
    const BaseNetwork before = OpenBase(reduced, 2, Isa::kPortable, 1).value();
    for (const Layer& layer : before.layers) back -= layer.kept_k;
  }
  EXPECT_GT(back, 0);
}

}  // namespace
}  // namespace deftnn
