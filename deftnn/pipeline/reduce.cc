#include "deftnn/pipeline/reduce.h"

#include <algorithm>

#include "deftnn/graph/patch.h"
#include "deftnn/ndf/apply_format.h"
#include "deftnn/passes/passes.h"
#include "deftnn/report/progress.h"

namespace deftnn {
namespace {

// Which input channels the channel stage keeps, rising.
Result<std::vector<int64_t>> KeptChannels(const LayerProblem& problem, double fraction,
                                          const Method& method, ThreadPool* pool) {
  DEFTNN_ASSIGN_OR_RETURN(
      const Eliminator eliminator,
      Eliminator::Create(problem, OptionsOf(method, "channel", fraction), pool));
  std::vector<int64_t> channels;
  for (int64_t entry : eliminator.KeptEntries(eliminator.GroupsAt(fraction))) {
    if (entry < problem.layout.channels) channels.push_back(entry);
  }
  return channels;
}

}  // namespace

EliminationOptions OptionsOf(const Method& method, const std::string& grouping,
                             double least_fraction) {
  EliminationOptions options;
  options.least_fraction = least_fraction;
  options.criterion = method.criterion;
  options.compensation = method.compensation;
  options.grouping = grouping;
  options.free_removals = method.free_removals;
  options.damping = method.damping;
  return options;
}

Result<Elimination> CutLayer(const LayerProblem& problem, const KeptFraction& kept,
                             const Method& method, ThreadPool* pool) {
  if (kept.channels >= 1.0) {
    DEFTNN_ASSIGN_OR_RETURN(
        const Eliminator eliminator,
        Eliminator::Create(problem, OptionsOf(method, method.grouping, kept.fine), pool));
    return eliminator.KeepFraction(kept.fine);
  }
  if (kept.fine >= 1.0) {
    DEFTNN_ASSIGN_OR_RETURN(
        const Eliminator eliminator,
        Eliminator::Create(problem, OptionsOf(method, "channel", kept.channels), pool));
    return eliminator.KeepFraction(kept.channels);
  }
  DEFTNN_ASSIGN_OR_RETURN(const std::vector<int64_t> channels,
                          KeptChannels(problem, kept.channels, method, pool));
  const LayerProblem narrow = KeepChannels(problem, channels, pool);
  DEFTNN_ASSIGN_OR_RETURN(
      const Eliminator eliminator,
      Eliminator::Create(narrow, OptionsOf(method, method.grouping, kept.fine), pool));
  DEFTNN_ASSIGN_OR_RETURN(Elimination elimination, eliminator.KeepFraction(kept.fine));
  const int64_t narrow_channels = narrow.layout.channels;
  for (int64_t& entry : elimination.kept_entries) {
    entry = entry / narrow_channels * problem.layout.channels + channels[entry % narrow_channels];
  }
  return elimination;
}

Result<LayerProblem> ProblemOf(const Graph& graph, const Layer& layer, LayerStatistics statistics) {
  const Node& node = graph.node(graph.FindNode(layer.name));
  LayerProblem problem;
  problem.outputs = layer.outputs;
  problem.layout = layer.layout;
  DEFTNN_ASSIGN_OR_RETURN(const Tensor weights,
                          ToFloat32(*graph.Constant(node.inputs[SynapseProduct::kW])));
  problem.weights.assign(weights.values<float>().begin(), weights.values<float>().end());
  if (node.has_input(SynapseProduct::kBias)) {
    const auto bias = graph.Constant(node.inputs[SynapseProduct::kBias])->values<float>();
    problem.bias.assign(bias.begin(), bias.end());
  }
  problem.statistics = std::move(statistics);
  return problem;
}

Result<Graph> WithElimination(const Graph& graph, const Layer& layer,
                              const Elimination& elimination) {
  const int index = graph.FindNode(layer.name);
  Node node = graph.node(index);
  const KeptTable table = WidestTable(elimination.kept_entries, layer.layout.channels);
  Patch patch(graph);
  node.attributes["group_size"] = table.group_size;
  while (node.inputs.size() <= SynapseProduct::kBias) node.inputs.push_back(kNoValue);
  const int64_t kept = static_cast<int64_t>(elimination.kept_entries.size());
  node.inputs[SynapseProduct::kW] = patch.AddConstant(
      layer.name + ".weights", Tensor::Of<float>({layer.outputs, kept}, elimination.weights));
  node.inputs[SynapseProduct::kKept] =
      patch.AddConstant(layer.name + ".kept",
                        Tensor::Of<int32_t>({static_cast<int64_t>(table.kept.size())}, table.kept));
  node.inputs[SynapseProduct::kBias] =
      patch.AddConstant(layer.name + ".bias", Tensor::Of<float>({layer.outputs}, elimination.bias));
  patch.ReplaceNode(index, std::move(node));
  return patch.Apply(graph);
}

Result<Graph> CutProducers(Graph graph) { return Canonicalise(std::move(graph)); }

Result<Reduced> ReduceNetwork(const Session& original, const std::vector<Layer>& layers,
                              const std::vector<KeptFraction>& kept, const Dataset& data,
                              const LayerTargets& targets, const ReduceOptions& options,
                              ThreadPool& pool) {
  Reduced reduced{original.graph(), std::vector<double>(layers.size(), 0.0)};
  Replay replay(data,
                {.batch = options.calibration.batch,
                 .session = {.threads = options.threads, .isa = original.isa(), .packed = nullptr},
                 .format = options.format});
  Progress progress("reducing", static_cast<int64_t>(layers.size()));
  for (size_t i = 0; i < layers.size(); ++i, progress.Advance()) {
    const Layer& layer = layers[i];
    if (!layer.why_not.empty()) continue;
    DEFTNN_ASSIGN_OR_RETURN(LayerStatistics statistics,
                            CalibrateReduced(replay, reduced.graph, layers, static_cast<int>(i),
                                             options.calibration, pool, targets));
    DEFTNN_ASSIGN_OR_RETURN(const LayerProblem problem,
                            ProblemOf(original.graph(), layer, std::move(statistics)));
    Method method = options.method;
    method.damping = layer.damping;
    auto elimination = CutLayer(problem, kept[i], method, &pool);
    if (!elimination.ok()) return elimination.status().WithNode(layer.name);
    reduced.relative_errors[i] = elimination->relative_error;
    DEFTNN_ASSIGN_OR_RETURN(reduced.graph, WithElimination(reduced.graph, layer, *elimination));
  }
  DEFTNN_ASSIGN_OR_RETURN(reduced.graph, CutProducers(std::move(reduced.graph)));
  return reduced;
}

}  // namespace deftnn
