// Reduces a whole network to chosen kept fractions: layer after layer, each from the inputs that
// the already reduced network gives it and towards what the original made of its own.
#pragma once

#include <string>
#include <vector>

#include "deftnn/ndf/apply_format.h"
#include "deftnn/pipeline/calibrate.h"
#include "deftnn/pipeline/layers.h"
#include "deftnn/pipeline/narrow.h"
#include "deftnn/sve/eliminate.h"

namespace deftnn {

/// What one layer keeps: whole input channels first (their producers are cut too), then finer
/// groups of what is left. 1 and 1: everything but what is free.
struct KeptFraction {
  double channels = 1.0;
  double fine = 1.0;
  int grouping = 0;  // where `fine` is below 1: the index in Method::groupings
  bool dense() const { return channels >= 1.0 && fine >= 1.0; }
  bool operator==(const KeptFraction&) const = default;
};

struct Method {
  std::string criterion = "obs";
  std::string compensation = "least-squares";
  /// Of the fine stage: those that a layer's finer groups may be, each layer's being of one.
  std::vector<std::string> groupings = {"synapse"};
  bool free_removals = true;
  double damping = 1e-2;  // of the refit, as a share of the mean diagonal of the Gram matrix
};

/// The method at one stage, whose kept fractions are `least_fraction` or more.
EliminationOptions OptionsOf(const Method& method, const std::string& grouping,
                             double least_fraction);

/// The problem of one layer of a dense canonical graph.
Result<LayerProblem> ProblemOf(const Graph& graph, const Layer& layer, LayerStatistics statistics);

/// The graph with one layer's weights, bias and table replaced. Channels that nobody reads any more
/// are still made: Canonicalise takes them away.
Result<Graph> WithElimination(const Graph& graph, const Layer& layer,
                              const Elimination& elimination);

struct ReduceOptions {
  Method method;
  CalibrationOptions calibration;
  int threads = 0;
  /// That the reduced network runs in while statistics are taken: what the result will run in, so
  /// that its rounding is part of what is compensated.
  FormatChoice format;
};

struct Reduced {
  Graph graph;                          // producers cut
  std::vector<double> relative_errors;  // by layer; 0 where nothing was cut
};

/// `cuts` by layer; layers with why_not are left alone. `data`: calibration samples; `targets`:
/// what CalibrateOriginal made of them.
Result<Reduced> ReduceNetwork(const Session& original, const std::vector<Layer>& layers,
                              const std::vector<LayerCut>& cuts, const Dataset& data,
                              const LayerTargets& targets, const ReduceOptions& options,
                              ThreadPool& pool);

}  // namespace deftnn
