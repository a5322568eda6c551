#include "deftnn/pipeline/curves.h"

#include <algorithm>
#include <cmath>

#include "deftnn/pipeline/replay.h"

namespace deftnn {
namespace {

// Kept fractions at which a layer is cut, and the one at which the network is always run.
constexpr double kFractions[] = {0.75, 0.5, 0.3, 0.15};
constexpr double kAlwaysRun = 0.3;
constexpr double kMostMacs = 2e13;
constexpr int64_t kFewestSamples = 64;

// What a network with one layer cut loses, by loss.
using Losses = std::vector<double>;

// Of the network with one layer reduced, in front of which the replay stands.
Result<Losses> LossesWith(const Graph& original, const Outputs& reference, const Layer& layer,
                          const Elimination& elimination, const std::vector<Yardstick>& yardsticks,
                          Replay& replay) {
  DEFTNN_ASSIGN_OR_RETURN(const Graph graph, WithElimination(original, layer, elimination));
  DEFTNN_ASSIGN_OR_RETURN(const Outputs outputs, replay.RunToEnd(graph));
  Losses losses;
  for (const Yardstick& yardstick : yardsticks) {
    DEFTNN_ASSIGN_OR_RETURN(const double loss, LossOf(reference, outputs, yardstick));
    losses.push_back(loss);
  }
  return losses;
}

// Error grows about with the square of what is gone, so its root is what interpolates well. To
// second order the network's loss grows with the layer's own error: where the network is not run,
// the ratio of the two is that of where it is.
ErrorCurve CurveOf(const std::vector<double>& own, const std::vector<double>& losses) {
  ErrorCurve roots{{1.0}, {0.0}};
  double ratio = 0;
  for (size_t i = 0; i < std::size(kFractions); ++i)
    if (kFractions[i] == kAlwaysRun) ratio = own[i] > 0 ? losses[i] / own[i] : 0;
  for (size_t i = 0; i < std::size(kFractions); ++i) {
    roots.fractions.push_back(kFractions[i]);
    const double loss = losses[i] >= 0 ? losses[i] : ratio * own[i];
    roots.errors.push_back(std::sqrt(std::max(0.0, loss)));
  }
  return MakeMonotone(roots);
}

// By loss.
Result<std::vector<ErrorCurve>> MeasureCurve(const Graph& original, const Outputs& reference,
                                             const Layer& layer, const Eliminator& eliminator,
                                             const std::vector<Yardstick>& yardsticks,
                                             bool every_fraction, Replay& replay) {
  std::vector<double> own;
  std::vector<Losses> losses(yardsticks.size());
  for (const double fraction : kFractions) {
    DEFTNN_ASSIGN_OR_RETURN(const Elimination elimination, eliminator.KeepFraction(fraction));
    own.push_back(elimination.relative_error);
    Losses here(yardsticks.size(), -1.0);
    if (every_fraction || fraction == kAlwaysRun) {
      DEFTNN_ASSIGN_OR_RETURN(
          here, LossesWith(original, reference, layer, elimination, yardsticks, replay));
    }
    for (size_t loss = 0; loss < here.size(); ++loss) losses[loss].push_back(here[loss]);
  }
  std::vector<ErrorCurve> curves;
  for (const Losses& of_one : losses) curves.push_back(CurveOf(own, of_one));
  return curves;
}

// By input channel: the multiply-adds that go with it, here and where it is made.
std::vector<double> Savings(const std::vector<Layer>& layers, const Layer& layer) {
  if (layer.producers.size() < 2) return {};
  std::vector<double> savings(
      layer.layout.channels,
      static_cast<double>(layer.macs()) / static_cast<double>(layer.layout.channels));
  for (size_t p = 0; p < layer.producers.size(); ++p) {
    const Layer& maker = layers[layer.producers[p]];
    for (const int64_t c : layer.made[p])
      savings[c] += static_cast<double>(maker.macs()) / static_cast<double>(maker.outputs);
  }
  return savings;
}

// Groups of `eliminator` are the channels.
void KeepOrder(const Eliminator& eliminator, LayerCurves& curves) {
  curves.channel_order = eliminator.free_removals().groups;
  curves.free_channels = static_cast<int64_t>(curves.channel_order.size());
  curves.channel_order.insert(curves.channel_order.end(), eliminator.order().groups.begin(),
                              eliminator.order().groups.end());
}

}  // namespace

CurveEffort PlanCurves(const std::vector<Layer>& layers, const CurveOptions& options,
                       int64_t available, int64_t batch, int64_t fixed) {
  // Of one sample, with every layer cut once a stage: what lies behind the layer is run.
  double macs = 0, behind = 0;
  for (auto layer = layers.rbegin(); layer != layers.rend(); ++layer) {
    behind += static_cast<double>(layer->macs()) / static_cast<double>(batch);
    if (!layer->why_not.empty()) continue;
    const size_t fine = options.fine ? options.method.groupings.size() : 0;
    const bool channels = options.channels && !layer->producers.empty();
    macs += behind * static_cast<double>(fine + (channels ? 1 : 0));
  }
  const auto affordable = [&](double runs) {
    const double samples = kMostMacs / std::max(1.0, runs * macs);
    return static_cast<int64_t>(std::min(samples, static_cast<double>(available)));
  };
  const auto whole = [&](int64_t samples) { return std::max(int64_t{1}, samples / fixed) * fixed; };
  const int64_t fewest = std::min(available, kFewestSamples);
  const int64_t with_every = affordable(static_cast<double>(std::size(kFractions)));
  if (with_every >= fewest) return {whole(with_every), true};
  return {whole(std::max(fewest, affordable(1))), false};
}

Result<CurvesByLoss> MeasureCurves(Session& original, const std::vector<Layer>& layers,
                                   const std::vector<LayerStatistics>& statistics,
                                   const Dataset& samples, const CurveOptions& options,
                                   ThreadPool& pool) {
  const Graph& graph = original.graph();
  Replay replay(samples,
                {.session = {.threads = options.threads, .isa = original.isa(), .packed = nullptr},
                 .format = options.format});
  DEFTNN_ASSIGN_OR_RETURN(const Outputs reference, replay.RunToEnd(graph));
  DEFTNN_ASSIGN_OR_RETURN(const std::vector<Yardstick> yardsticks,
                          YardsticksOfLoss(options.yardstick, reference));
  CurvesByLoss curves(yardsticks.size(), std::vector<LayerCurves>(layers.size()));
  for (size_t i = 0; i < layers.size(); ++i) {
    const Layer& layer = layers[i];
    if (layer.why_not.empty()) {
      DEFTNN_RETURN_IF_ERROR(replay.RunTo(graph, layer.name, nullptr));
      DEFTNN_ASSIGN_OR_RETURN(const LayerProblem problem, ProblemOf(graph, layer, statistics[i]));
      Method method = options.method;
      method.damping = layer.damping;
      const auto measure = [&](const std::string& grouping, auto keep) -> Status {
        EliminationOptions how = OptionsOf(
            method, grouping, *std::min_element(std::begin(kFractions), std::end(kFractions)));
        if (grouping == "channel") how.savings = Savings(layers, layer);
        DEFTNN_ASSIGN_OR_RETURN(const Eliminator eliminator,
                                Eliminator::Create(problem, std::move(how), &pool));
        DEFTNN_ASSIGN_OR_RETURN(const std::vector<ErrorCurve> measured,
                                MeasureCurve(graph, reference, layer, eliminator, yardsticks,
                                             options.every_fraction, replay));
        for (size_t loss = 0; loss < curves.size(); ++loss) {
          keep(curves[loss][i], measured[loss]);
          if (grouping == "channel") KeepOrder(eliminator, curves[loss][i]);
        }
        return {};
      };
      if (options.fine) {
        for (const std::string& grouping : options.method.groupings) {
          DEFTNN_RETURN_IF_ERROR(measure(grouping, [](LayerCurves& of, const ErrorCurve& curve) {
            of.fine.push_back(curve);
          }));
        }
      }
      if (options.channels && !layer.producers.empty()) {
        DEFTNN_RETURN_IF_ERROR(measure(
            "channel", [](LayerCurves& of, const ErrorCurve& curve) { of.channels = curve; }));
      }
    }
    if (options.advance) options.advance();
  }
  return curves;
}

}  // namespace deftnn
