#include "bench/random_cut.h"

#include <algorithm>
#include <cmath>

#include "deftnn/base/rng.h"
#include "deftnn/ops/op.h"
#include "deftnn/pipeline/layers.h"
#include "deftnn/pipeline/reduce.h"
#include "deftnn/sve/groupings/grouping.h"

namespace deftnn {
namespace {

constexpr uint64_t kSeed = 1;

std::vector<int64_t> KeptEntries(EntryGroups groups, double keep, Rng& rng) {
  for (size_t i = groups.size(); i > 1; --i)
    std::swap(groups[i - 1], groups[static_cast<size_t>(rng.Below(static_cast<int64_t>(i)))]);
  const double count = std::round(keep * static_cast<double>(groups.size()));
  groups.resize(static_cast<size_t>(std::max(1.0, count)));
  std::vector<int64_t> kept;
  for (const auto& group : groups) kept.insert(kept.end(), group.begin(), group.end());
  std::sort(kept.begin(), kept.end());
  return kept;
}

Elimination Keep(const LayerProblem& problem, std::vector<int64_t> kept) {
  Elimination elimination;
  const int64_t full_k = problem.layout.entries();
  elimination.weights.reserve(static_cast<size_t>(problem.outputs) * kept.size());
  for (int64_t o = 0; o < problem.outputs; ++o) {
    for (int64_t k : kept) elimination.weights.push_back(problem.weights[o * full_k + k]);
  }
  elimination.bias = problem.bias;
  elimination.bias.resize(problem.outputs);
  elimination.kept_entries = std::move(kept);
  return elimination;
}

}  // namespace

Result<Graph> CutAtRandom(const Graph& graph, double keep, const std::string& grouping) {
  DEFTNN_ASSIGN_OR_RETURN(const Grouping* found, FindGrouping(grouping));
  DEFTNN_ASSIGN_OR_RETURN(const std::vector<ValueInfo> infos,
                          InferShapes(graph, DefaultInputs(graph)));
  DEFTNN_ASSIGN_OR_RETURN(const std::vector<Layer> layers, ListLayers(graph, infos));
  Rng rng(kSeed);
  Graph cut = graph;
  for (size_t i = layers.size() > 1 ? 1 : 0; i < layers.size(); ++i) {
    if (layers[i].groups != 1) continue;
    DEFTNN_ASSIGN_OR_RETURN(const LayerProblem problem, ProblemOf(cut, layers[i], {}));
    DEFTNN_ASSIGN_OR_RETURN(
        cut, WithElimination(cut, layers[i],
                             Keep(problem, KeptEntries(found->make(layers[i].layout), keep, rng))));
  }
  return cut;
}

}  // namespace deftnn
