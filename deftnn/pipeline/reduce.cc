#include "deftnn/pipeline/reduce.h"

#include <algorithm>

#include "deftnn/graph/patch.h"
#include "deftnn/ndf/apply_format.h"
#include "deftnn/passes/passes.h"
#include "deftnn/report/progress.h"

namespace deftnn {
namespace {

Result<Elimination> CutLayer(LayerProblem problem, double fraction, const Method& method,
                             ThreadPool* pool) {
  DEFTNN_ASSIGN_OR_RETURN(
      const Eliminator eliminator,
      Eliminator::Create(std::move(problem), OptionsOf(method, method.grouping, fraction), pool));
  return eliminator.KeepFraction(fraction);
}

// Some columns of [rows x width].
std::vector<float> Columns(const std::vector<float>& rows, int64_t width,
                           const std::vector<int64_t>& columns) {
  if (static_cast<int64_t>(columns.size()) == width) return rows;
  std::vector<float> out;
  out.reserve(rows.size() / width * columns.size());
  for (size_t row = 0; row < rows.size(); row += width)
    for (const int64_t column : columns) out.push_back(rows[row + column]);
  return out;
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
                              const std::vector<LayerCut>& cuts, const Dataset& data,
                              const LayerTargets& targets, const ReduceOptions& options,
                              ThreadPool& pool) {
  DEFTNN_ASSIGN_OR_RETURN(const NarrowNetwork narrow, CutChannels(original.graph(), layers, cuts));
  Reduced reduced{narrow.graph, std::vector<double>(layers.size(), 0.0)};
  Replay replay(data,
                {.batch = options.calibration.batch,
                 .session = {.threads = options.threads, .isa = original.isa(), .packed = nullptr},
                 .format = options.format});
  Progress progress("reducing", static_cast<int64_t>(layers.size()));
  for (size_t i = 0; i < layers.size(); ++i, progress.Advance()) {
    const Layer& layer = narrow.layers[i];
    if (!layer.why_not.empty()) continue;
    DEFTNN_ASSIGN_OR_RETURN(
        LayerStatistics statistics,
        CalibrateReduced(replay, reduced.graph, narrow.layers, static_cast<int>(i),
                         options.calibration, pool,
                         Columns(targets.rows[i], layers[i].outputs, narrow.outputs[i])));
    DEFTNN_ASSIGN_OR_RETURN(LayerProblem problem,
                            ProblemOf(narrow.graph, layer, std::move(statistics)));
    Method method = options.method;
    method.damping = layer.damping;
    auto elimination = CutLayer(std::move(problem), cuts[i].fine, method, &pool);
    if (!elimination.ok()) return elimination.status().WithNode(layer.name);
    reduced.relative_errors[i] = elimination->relative_error;
    DEFTNN_ASSIGN_OR_RETURN(reduced.graph, WithElimination(reduced.graph, layer, *elimination));
  }
  DEFTNN_ASSIGN_OR_RETURN(reduced.graph, Canonicalise(std::move(reduced.graph)));
  return reduced;
}

}  // namespace deftnn
