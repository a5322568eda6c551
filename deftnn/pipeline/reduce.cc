#include "deftnn/pipeline/reduce.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "deftnn/graph/patch.h"
#include "deftnn/ndf/apply_format.h"
#include "deftnn/passes/passes.h"
#include "deftnn/report/progress.h"

namespace deftnn {
namespace {

// What a layer's activation clamps its sums to; no range where it is none that clamps, or where the
// weights are not refitted at all.
struct Range {
  float low = -std::numeric_limits<float>::infinity();
  float high = std::numeric_limits<float>::infinity();
  bool clamps() const { return std::isfinite(low) || std::isfinite(high); }
};

Result<Range> RangeOf(const Graph& graph, const Layer& layer, const Method& method) {
  Range range;
  if (method.compensation != "least-squares") return range;
  DEFTNN_ASSIGN_OR_RETURN(const SynapseProduct product,
                          SynapseProduct::Read(graph.node(graph.FindNode(layer.name))));
  if (product.activation.kind == Activation::kRelu) range.low = 0;
  if (product.activation.kind == Activation::kClip) {
    range.low = product.activation.alpha;
    range.high = product.activation.beta;
  }
  return range;
}

// Rounds of the refit through activations: as many as keep a candidate's within half a minute or so
// of two cores.
int RefitRounds(const std::vector<Layer>& layers, const LayerTargets& targets) {
  constexpr double kRefitMacs = 8e11;
  constexpr int kMostRounds = 8;
  double macs = 1;  // of one round
  for (size_t i = 0; i < layers.size(); ++i)
    macs +=
        2.0 * static_cast<double>(targets.rows[i].size()) * static_cast<double>(layers[i].full_k);
  return static_cast<int>(std::clamp(kRefitMacs / macs, 1.0, double{kMostRounds}));
}

// `rows` where `range` clamps.
Result<Elimination> CutLayer(LayerProblem problem, const LayerCut& by, const ReduceOptions& options,
                             const Method& method, const Range& range, const LayerRows& rows,
                             int rounds, ThreadPool* pool) {
  DEFTNN_ASSIGN_OR_RETURN(
      const Eliminator eliminator,
      Eliminator::Create(std::move(problem),
                         OptionsOf(method, method.groupings.at(by.grouping), by.fine), pool));
  DEFTNN_ASSIGN_OR_RETURN(Elimination cut, eliminator.KeepFraction(by.fine));
  if (!range.clamps()) return cut;
  ActivationRefitOptions refit{.low = range.low, .high = range.high, .iterations = rounds};
  if (ProcessGroup* group = options.calibration.group) {
    refit.sum = [group](std::span<double> values) { return group->Sum(values); };
  }
  return RefitThroughActivation(eliminator, std::move(cut), rows, refit, pool);
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
  const int rounds = RefitRounds(layers, targets);
  Progress progress("reducing", static_cast<int64_t>(layers.size()));
  for (size_t i = 0; i < layers.size(); ++i, progress.Advance()) {
    const Layer& layer = narrow.layers[i];
    if (!layer.why_not.empty()) continue;
    DEFTNN_ASSIGN_OR_RETURN(const Range range, RangeOf(narrow.graph, layer, options.method));
    LayerRows rows;
    DEFTNN_ASSIGN_OR_RETURN(
        LayerStatistics statistics,
        CalibrateReduced(replay, reduced.graph, narrow.layers, static_cast<int>(i),
                         options.calibration, pool,
                         Columns(targets.rows[i], layers[i].outputs, narrow.outputs[i]),
                         range.clamps() ? &rows : nullptr));
    DEFTNN_ASSIGN_OR_RETURN(LayerProblem problem,
                            ProblemOf(narrow.graph, layer, std::move(statistics)));
    Method method = options.method;
    method.damping = layer.damping;
    auto elimination =
        CutLayer(std::move(problem), cuts[i], options, method, range, rows, rounds, &pool);
    if (!elimination.ok()) return elimination.status().WithNode(layer.name);
    reduced.relative_errors[i] = elimination->relative_error;
    DEFTNN_ASSIGN_OR_RETURN(reduced.graph, WithElimination(reduced.graph, layer, *elimination));
  }
  DEFTNN_ASSIGN_OR_RETURN(reduced.graph, Canonicalise(std::move(reduced.graph)));
  return reduced;
}

}  // namespace deftnn
